package app

import "plumbline.dev/plumbline/internal/kernel/config"

// Certificates prepares the certificates of a server.
func Certificates(c config.Server) error {
	_, err := certificates(c)
	return err
}
