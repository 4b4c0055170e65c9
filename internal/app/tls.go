package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"plumbline.dev/plumbline/internal/kernel/config"
)

// certificates returns what the listener needs for TLS, nil if TLS is off.
//
// A self-signed server has a certificate authority of its own in DATA-DIR/tls:
// clients trust ca.pem once and keep trusting when the certificate is renewed.
func certificates(c config.Server) (*tls.Config, error) {
	if c.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("reading --tls-cert and --tls-key: %w", err)
		}
		return tlsConfig(cert), nil
	}
	if c.TLS == "off" {
		return nil, nil
	}
	dir := filepath.Join(c.DataDir, "tls")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ca, err := loadOrMake(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"), authority(), nil)
	if err != nil {
		return nil, fmt.Errorf("preparing the self-signed authority: %w", err)
	}
	names := hostNames(c)
	cert, err := loadOrMake(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"), server(names), &ca)
	if err == nil && !covers(cert.Leaf, names) {
		if err = os.Remove(filepath.Join(dir, "server.pem")); err == nil {
			cert, err = loadOrMake(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key"), server(names), &ca)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("preparing the self-signed certificate: %w", err)
	}
	return tlsConfig(cert), nil
}

func tlsConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
}

// hostNames are the names under which the server may be called.
func hostNames(c config.Server) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "" && !slices.Contains(names, host) {
		names = append(names, host)
	}
	if host := hostOf(c.PublicURL); host != "" && !slices.Contains(names, host) {
		names = append(names, host)
	}
	return names
}

// covers reports whether the certificate is good for all names for another month.
func covers(cert *x509.Certificate, names []string) bool {
	if time.Until(cert.NotAfter) < 30*24*time.Hour {
		return false
	}
	return !slices.ContainsFunc(names, func(n string) bool { return cert.VerifyHostname(n) != nil })
}

func authority() *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: "Plumbline self-signed authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

func server(names []string) *x509.Certificate {
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 13, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return t
}

// loadOrMake reads a certificate and its key, or makes them: signed by ca, or by
// themselves if ca is nil.
func loadOrMake(certFile, keyFile string, template *x509.Certificate, ca *tls.Certificate) (tls.Certificate, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return cert, err
	}
	t := template
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return cert, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cert, err
	}
	parent, signer := t, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return cert, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return cert, err
	}
	if err := writePEM(keyFile, "PRIVATE KEY", keyDER, 0o600); err != nil {
		return cert, err
	}
	if err := writePEM(certFile, "CERTIFICATE", der, 0o644); err != nil {
		return cert, err
	}
	return tls.LoadX509KeyPair(certFile, keyFile)
}

func writePEM(file, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
