package sandbox

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if network == "udp" {
		if _, err := io.WriteString(conn, "hello"); err != nil {
			return err
		}
	}
	return hello(conn)
}

func hello(from io.Reader) error {
	b := make([]byte, 5)
	if _, err := io.ReadFull(from, b); err != nil || string(b) != "hello" {
		return fmt.Errorf("read %q: %w", b, err)
	}
	return nil
}

// sockaddr returns an address for system calls, as IPv6 if it is written so.
func sockaddr(address string) (unix.Sockaddr, int) {
	to := netip.MustParseAddrPort(address)
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}, unix.AF_INET
	}
	sa := &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	if link, err := net.InterfaceByName(to.Addr().Zone()); err == nil {
		sa.ZoneId = uint32(link.Index)
	}
	return sa, unix.AF_INET6
}

// sendUnconnected sends a packet to an address without a connection and awaits the answer.
func sendUnconnected(way, address string) error {
	to, family := sockaddr(address)
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		return err
	}
	packets := 1
	switch way {
	case "sendto":
		err = unix.Sendto(fd, []byte("hello"), 0, to)
	case "sendmsg":
		_, err = unix.SendmsgBuffers(fd, [][]byte{[]byte("he"), []byte("llo")}, nil, to, 0)
	case "sendmmsg":
		packets = 2
		err = sendmmsg(fd, rawName(to))
	}
	for range packets {
		b := make([]byte, 10)
		if err != nil {
			return err
		}
		var n int
		if n, _, err = unix.Recvfrom(fd, b, 0); err == nil && string(b[:n]) != "hello" {
			err = fmt.Errorf("answer %q", b[:n])
		}
	}
	return err
}

// rawName is an address as it lies in memory.
func rawName(sa unix.Sockaddr) []byte {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
		b = binary.BigEndian.AppendUint16(b, uint16(sa.Port))
		return append(append(b, sa.Addr[:]...), make([]byte, 8)...)
	case *unix.SockaddrInet6:
		b := binary.NativeEndian.AppendUint16(nil, unix.AF_INET6)
		b = binary.BigEndian.AppendUint16(b, uint16(sa.Port))
		b = append(append(b, 0, 0, 0, 0), sa.Addr[:]...)
		return binary.NativeEndian.AppendUint32(b, sa.ZoneId)
	}
	return nil
}

// sendmmsg sends two packets with one call.
func sendmmsg(fd int, name []byte) error {
	type mmsghdr struct {
		unix.Msghdr
		sent uint32
		_    uint32
	}
	data := []byte("hello")
	var list [2]mmsghdr
	for i := range list {
		list[i].Name, list[i].Namelen = &name[0], uint32(len(name))
		list[i].Iov, list[i].Iovlen = &unix.Iovec{Base: &data[0], Len: 5}, 1
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&list[0])), 2, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if n != 2 || list[0].sent != 5 || list[1].sent != 5 {
		return fmt.Errorf("sendmmsg = %d, lengths %d and %d, want 2, 5 and 5", n, list[0].sent, list[1].sent)
	}
	return nil
}

// fastOpen connects by sending (tcp(7), MSG_FASTOPEN).
func fastOpen(address string) error {
	to, family := sockaddr(address)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte("data"), unix.MSG_FASTOPEN, to); err != nil {
		return err
	}
	b := make([]byte, 5)
	n, err := unix.Read(fd, b)
	if err != nil || string(b[:n]) != "hello" {
		return fmt.Errorf("read %q: %w", b[:n], err)
	}
	return nil
}

func dialUnix(path string) error {
	conn, err := net.DialTimeout("unix", path, 5*time.Second)
	if err == nil {
		conn.Close()
	}
	return err
}

// ownService listens and connects to that.
func ownService(network, address string) error {
	if network == "udp" || network == "unixgram" {
		return ownPacket(network, address)
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
	return dial(network, listener.Addr().String())
}

func ownPacket(network, address string) error {
	packets, err := net.ListenPacket(network, address)
	if err != nil {
		return err
	}
	defer packets.Close()
	from, err := net.ListenPacket(network, map[string]string{"udp": "127.0.0.1:0", "unixgram": address + ".from"}[network])
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := from.WriteTo([]byte("hello"), packets.LocalAddr()); err != nil {
		return err
	}
	b := make([]byte, 10)
	n, sender, err := packets.ReadFrom(b)
	if err != nil || string(b[:n]) != "hello" {
		return fmt.Errorf("got %q: %w", b[:n], err)
	}
	_, err = packets.WriteTo([]byte("back"), sender)
	return err
}

// race connects and sends while another thread changes the address between an open and a
// closed one.
func race(open, shut string) error {
	good, family := sockaddr(open)
	bad, _ := sockaddr(shut)
	shared := rawName(good)
	ports := [2]uint32{binary.NativeEndian.Uint32(shared), binary.NativeEndian.Uint32(rawName(bad))} // family and port
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for i := 0; !stop.Load(); i++ {
			atomic.StoreUint32((*uint32)(unsafe.Pointer(&shared[0])), ports[i%2])
		}
	}()
	var passed, refused int
	for i := range 1500 {
		kind := []int{unix.SOCK_STREAM, unix.SOCK_DGRAM}[i%2]
		fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		data := []byte("x")
		number, args := uintptr(unix.SYS_CONNECT), [6]uintptr{uintptr(fd), uintptr(unsafe.Pointer(&shared[0])), uintptr(len(shared))}
		if kind == unix.SOCK_DGRAM {
			number, args = unix.SYS_SENDTO, [6]uintptr{uintptr(fd), uintptr(unsafe.Pointer(&data[0])), 1, 0, args[1], args[2]}
		}
		if _, _, errno := unix.Syscall6(number, args[0], args[1], args[2], args[3], args[4], args[5]); errno == 0 {
			passed++
		} else {
			refused++
		}
		unix.Close(fd)
	}
	if passed == 0 || refused == 0 {
		return fmt.Errorf("%d passed, %d were refused: one never came", passed, refused)
	}
	return nil
}

// blocking connects a socket that waits, and gets a signal after half a second.
func blocking(address string) error {
	to, family := sockaddr(address)
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	runtime.LockOSThread()
	thread, began := unix.Gettid(), time.Now()
	time.AfterFunc(500*time.Millisecond, func() { _ = unix.Tgkill(os.Getpid(), thread, unix.SIGUSR1) })
	signal.Notify(make(chan os.Signal, 1), unix.SIGUSR1)
	err = unix.Connect(fd, to)
	if time.Since(began) > 10*time.Second {
		return fmt.Errorf("it took %s: %w", time.Since(began), err)
	}
	if err != nil {
		return err
	}
	b := make([]byte, 5)
	n, err := unix.Read(fd, b)
	if err != nil || string(b[:n]) != "hello" {
		return fmt.Errorf("read %q: %w", b[:n], err)
	}
	return nil
}

// connects connects to a listener of its own n times.
func connects(n string) error {
	times, _ := strconv.Atoi(n)
	path := fmt.Sprintf("%s/connects.sock", os.TempDir())
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	defer listener.Close()
	for range times {
		if err := dialUnix(path); err != nil {
			return err
		}
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		conn.Close()
	}
	return nil
}
