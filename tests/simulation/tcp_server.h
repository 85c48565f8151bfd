// A raw-TCP service behind the gateway, as the simulation has them: honest, slow, dead or lying.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "tests/simulation/byte_queue.h"
#include "tests/simulation/channel.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"

namespace zerogate::simulation {

class TcpServer {
 public:
  /// One in so many answers does this; 0: none.
  struct Faults {
    uint32_t twice_one_in = 0;
    uint32_t wrong_id_one_in = 0;
    uint32_t garbage_one_in = 0;
    uint32_t cut_one_in = 0;    ///< half of an answer, and the end
    uint32_t close_one_in = 0;  ///< instead of an answer, as when Zero cannot encode a result
    uint32_t never_one_in = 0;
    uint32_t error_one_in = 0;
    uint32_t too_large_one_in = 0;
    uint32_t no_value_one_in = 0;  ///< what is no MessagePack
    uint32_t impostor_one_in = 0;  ///< connections over TLS that show a certificate of another
    bool silent = false;           ///< reads, and answers nothing
    bool stuck = false;            ///< does not even read
    uint64_t service_least = 50 * kUs;
    uint64_t service_most = 2 * kMs;
  };
  /// Zero's server works on one call of a connection after the other; a gateway works on all of
  /// them, and says so to a gateway.
  enum class Kind : uint8_t { one_at_a_time, gateway };

  TcpServer(World& the_world, Network& the_network, Ledger& the_ledger, std::string address);
  ~TcpServer() { stop(); }
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  void start();
  /// Resets all its connections, and listens no more.
  void stop();
  void reset_one();
  void vanish_one();
  /// The end of one connection, after what was answered.
  void close_one();
  /// No more faults. A connection whose stream has lost its place goes: no peer could tell.
  void heal();
  bool listening() const { return listening_; }
  const std::string& address() const { return address_; }

  Faults faults;
  /// Larger than the gateway takes.
  size_t too_large = 0;
  Kind kind = Kind::one_at_a_time;
  bool over_tls = false;
  /// What the gateway may have under way at once on a connection; connections at once.
  uint32_t in_flight_limit = UINT32_MAX;

 private:
  struct Connection {
    std::unique_ptr<Channel> channel;
    ByteQueue in;
    std::string out;
    uint32_t under_way = 0;
    bool busy = false;      ///< one_at_a_time: with a call
    bool hangs = false;     ///< in that call, for good
    bool all_read = false;  ///< the gateway sends no more
    bool spoiled = false;   ///< garbage has left on it
    bool impostor = false;
    bool ended = false;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  void accept(const SocketPtr& socket);
  SSL_CTX* tls_for(Connection& connection) const;
  void read(const ConnectionPtr& connection);
  bool take_one(const ConnectionPtr& connection);
  void judge_depth(const Connection& connection) const;
  void serve(const ConnectionPtr& connection, uint32_t id, ByteView function, ByteView argument);
  void answer(const ConnectionPtr& connection, uint32_t id, std::string body);
  void pump(const ConnectionPtr& connection);
  void end(const ConnectionPtr& connection);
  /// One with calls under way, if there is one.
  ConnectionPtr any();

  World& world_;
  Network& network_;
  Ledger& ledger_;
  const std::string address_;
  bool listening_ = false;
  /// An answer with a wrong id has left: behind it the gateway sees answers out of their order, and
  /// takes this server for one that works on many calls at a time.
  bool misleads_ = false;
  std::list<ConnectionPtr> connections_;
};

}  // namespace zerogate::simulation
