// Starts the page. When a part of it does not come (the gateway is being restarted, say), the page
// loads itself again.
import('./main.js').catch((error) => {
  document.getElementById('state').textContent = '✕ not loaded, trying again';
  console.error(error);
  setTimeout(() => location.reload(), 2000);
});
