#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <iterator>

#include "util/apart_channel.h"

namespace tensorferry::apart {
namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned kArchitecture = 0;
#endif

// Memory, time, the descriptor that is left, and the end.
constexpr unsigned kAllowed[] = {
    SYS_read,           SYS_write,
    SYS_close,          SYS_lseek,
    SYS_fstat,          SYS_brk,
    SYS_munmap,         SYS_mremap,
    SYS_madvise,        SYS_futex,
    SYS_exit,           SYS_exit_group,
    SYS_clock_gettime,  SYS_getrandom,
    SYS_gettimeofday,   SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn,
    SYS_sched_yield,    SYS_getpid,
    SYS_gettid,         SYS_tgkill,
    SYS_prlimit64,      SYS_getrusage,
    SYS_sysinfo,        SYS_restart_syscall,
};
// These, unless what they make can be executed.
constexpr unsigned kMapping[] = {SYS_mmap, SYS_mprotect};

constexpr sock_filter load(unsigned offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
constexpr sock_filter skip_unless(unsigned value, unsigned char count) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count);
}
constexpr sock_filter answer(unsigned value) { return BPF_STMT(BPF_RET | BPF_K, value); }

constexpr unsigned kRefuse = SECCOMP_RET_ERRNO | EPERM;

}  // namespace

void renounce_system_calls() {
  if (kArchitecture == 0) return;
  sock_filter program[8 + 2 * std::size(kAllowed) + 4 * std::size(kMapping)];
  unsigned short size = 0;
  const auto add = [&](const sock_filter& step) { program[size++] = step; };
  add(load(offsetof(seccomp_data, arch)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  add(answer(kRefuse));
  add(load(offsetof(seccomp_data, nr)));
  for (const unsigned call : kAllowed) {
    add(skip_unless(call, 1));
    add(answer(SECCOMP_RET_ALLOW));
  }
  for (const unsigned call : kMapping) {
    add(skip_unless(call, 3));
    // Of both the protection is the third argument; the lower half comes first.
    add(load(offsetof(seccomp_data, args) + 2 * sizeof(__u64)));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
    add(answer(SECCOMP_RET_ALLOW));
  }
  add(answer(kRefuse));
  const sock_fprog filter{size, program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

}  // namespace tensorferry::apart
