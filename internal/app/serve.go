package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/executor/worker"
	"plumbline.dev/plumbline/internal/kernel/config"
)

// Serve runs a server until ctx ends, and then lets requests under way finish. It
// tells on out where it listens; its log goes to out too.
func Serve(ctx context.Context, c config.Server, out io.Writer) (err error) {
	slog.SetDefault(logger(c, out))
	if os.Getenv("GOGC") == "" {
		// The heap is some ten megabytes: collecting half as often saves a tenth of the CPU of lists.
		debug.SetGCPercent(200)
	}
	if err := check(c); err != nil {
		return err
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	start := time.Now()
	a, err := New(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	w, err := a.worker(ctx)
	if err != nil {
		return err
	}
	tlsConfig, err := certificates(c)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w (another server may run; choose an address with --listen)", err)
	}
	scheme := "http"
	if tlsConfig != nil {
		l, scheme = tls.NewListener(l, tlsConfig), "https"
	}
	slog.InfoContext(ctx, "serving", "url", scheme+"://"+l.Addr().String(), "version", config.Version, "data", c.DataDir, "took", time.Since(start))
	a.listens = scheme + "://" + l.Addr().String()
	if err := a.invite(ctx, out, scheme+"://"+l.Addr().String()); err != nil {
		return err
	}
	if a.metrics != nil {
		if err := a.metrics.serve(ctx, c.Metrics); err != nil {
			return fmt.Errorf("serving metrics: %w", err)
		}
	}
	return a.serve(ctx, l, w)
}

// invite tells on out where the first account is made, as long as nobody can log in.
func (a *App) invite(ctx context.Context, out io.Writer, address string) error {
	path, needed, err := a.Login.SetupLink(ctx)
	if err != nil || !needed {
		return err
	}
	if a.Router.PublicURL != "" {
		address = a.Router.PublicURL
	}
	_, err = fmt.Fprintf(out, "\nNobody can log in yet. Make the first account here (the link works once, for a day):\n\n    %s%s\n\n", address, path)
	return err
}

// serve answers requests on l, executes runs, and works in the background until ctx ends.
func (a *App) serve(ctx context.Context, l net.Listener, w *worker.Worker) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); a.Run(background) }()
	defer func() { stop(); <-done }()

	srv := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(a.Dispatch.Drain) // claims would wait longer than the grace
	srv.RegisterOnShutdown(a.Logs.Drain)     // as would those who follow a log
	srv.RegisterOnShutdown(a.Changes.Drain)  // or the changes of an organization
	failed := make(chan error, 2)
	go func() { failed <- srv.Serve(l) }()
	work, stopWork := context.WithCancel(ctx)
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		if w == nil {
			return
		}
		if err := w.Run(work); err != nil {
			failed <- err
		}
	}()
	defer func() { stopWork(); <-worked }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	<-worked // runs under way use the server until they have ended
	slog.InfoContext(background, "stopping: requests under way may finish")
	grace, cancel := context.WithTimeout(background, 20*time.Second)
	defer cancel()
	return srv.Shutdown(grace)
}

// check refuses settings that contradict each other before anything is opened.
func check(c config.Server) error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	for _, n := range slices.Concat(c.IPRanges.API, c.IPRanges.Notifications, c.IPRanges.Sentinel, c.IPRanges.VCS) {
		if _, err := netip.ParsePrefix(n); err != nil {
			return fmt.Errorf("--ip-ranges-…: %q is no network such as 10.0.0.0/8", n)
		}
	}
	for _, n := range c.Proxies {
		if _, err := netip.ParsePrefix(n); err != nil {
			return fmt.Errorf("--trusted-proxies: %q is no network such as 10.0.0.0/8", n)
		}
	}
	return nil
}

func logger(c config.Server, out io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, o))
	}
	return slog.New(slog.NewTextHandler(out, o))
}
