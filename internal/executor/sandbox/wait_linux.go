package sandbox

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// waitStep is how often a call that waits is looked after.
const waitStep = 100 * time.Millisecond

// blocks says whether calls on a socket wait.
func blocks(sock int) bool {
	flags, err := unix.FcntlInt(uintptr(sock), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_NONBLOCK == 0
}

// connectStream connects a stream of the internet that blocks. The call must end when the caller dies or
// gets a signal, which connect(2), called here, would not notice; so it is begun without
// waiting, for which the flag is set that the caller's own descriptor shares.
func (c *call) connectStream(sock int, connect func() unix.Errno) unix.Errno {
	if unix.SetNonblock(sock, true) != nil {
		return connect()
	}
	errno := connect()
	_ = unix.SetNonblock(sock, false)
	if errno != unix.EINPROGRESS && errno != unix.EALREADY {
		return errno
	}
	if errno := c.writable(sock, unix.EINPROGRESS); errno != 0 {
		return errno
	}
	status, err := unix.GetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return unix.EIO
	}
	return unix.Errno(status)
}

// writable waits until a socket can be written to, or returns why not: late if the time
// that the caller set is over (SO_SNDTIMEO), EINTR for a signal.
func (c *call) writable(sock int, late unix.Errno) unix.Errno {
	var deadline time.Time
	if t, err := unix.GetsockoptTimeval(sock, unix.SOL_SOCKET, unix.SO_SNDTIMEO); err == nil && t.Nano() > 0 {
		deadline = time.Now().Add(time.Duration(t.Nano()))
	}
	for {
		list := []unix.PollFd{{Fd: int32(sock), Events: unix.POLLOUT}}
		if n, err := unix.Poll(list, int(waitStep.Milliseconds())); n > 0 && err == nil {
			return 0
		}
		switch {
		case c.valid() != 0 || c.signalled():
			return unix.EINTR
		case !deadline.IsZero() && time.Now().After(deadline):
			return late
		}
	}
}

// signalled says whether a signal waits for the caller that it neither blocks nor ignores
// (proc_pid_status(5)). The kernel delivers it when the call is answered.
func (c *call) signalled() bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID))
	if err != nil {
		return true
	}
	masks := map[string]uint64{}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		if name == "SigPnd" || name == "ShdPnd" || name == "SigBlk" || name == "SigIgn" {
			masks[name], _ = strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return (masks["SigPnd"]|masks["ShdPnd"])&^masks["SigBlk"]&^masks["SigIgn"] != 0
}
