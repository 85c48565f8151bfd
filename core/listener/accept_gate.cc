#include "core/listener/accept_gate.h"

#include <linux/filter.h>
#include <sys/socket.h>

namespace zerogate {

void AcceptGate::close() {
  sock_filter drop_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};  // keep 0 bytes of every packet
  const sock_fprog program = {1, drop_all};
  closed_ = setsockopt(fd_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

void AcceptGate::open() {
  const int unused = 0;
  setsockopt(fd_, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
  closed_ = false;
}

}  // namespace zerogate
