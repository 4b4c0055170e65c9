// Command s3server serves S3 from a folder, for tests: with accounts, of which only the first may
// do all, and what bucket policies allow to the others.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

func main() {
	dir := flag.String("dir", "", "folder of the buckets, their metadata and the accounts")
	listen := flag.String("listen", "127.0.0.1:7070", "address")
	root := flag.String("root", "", "the account that may do all, KEY:SECRET")
	users := flag.String("users", "", "other accounts, KEY:SECRET,KEY:SECRET")
	flag.Parse()
	if err := serve(*dir, *listen, *root, *users); err != nil {
		log.Fatal(err)
	}
}

func serve(dir, listen, root, users string) error {
	folders := map[string]string{}
	for _, name := range []string{"buckets", "metadata", "accounts"} {
		folders[name] = filepath.Join(dir, name)
		if err := os.MkdirAll(folders[name], 0o700); err != nil {
			return err
		}
	}
	key, secret, _ := strings.Cut(root, ":")
	accounts, err := auth.NewInternal(auth.Account{Access: key, Secret: secret, Role: auth.RoleAdmin}, folders["accounts"])
	if err != nil {
		return err
	}
	for user := range strings.SplitSeq(users, ",") {
		key, secret, _ := strings.Cut(user, ":")
		if err := accounts.CreateAccount(auth.Account{Access: key, Secret: secret, Role: auth.RoleUser}); err != nil {
			return err
		}
	}
	// Metadata beside the files: not every file system has extended attributes.
	attributes, err := meta.NewSideCar(folders["metadata"])
	if err != nil {
		return err
	}
	storage, err := posix.New(folders["buckets"], attributes, posix.PosixOpts{SideCarDir: folders["metadata"], ForceNoTmpFile: true})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), storage, &embedgw.Config{RootUserAccess: key, RootUserSecret: secret, Ports: []string{listen},
		IAMService: accounts, Quiet: true, KeepAlive: true, MaxConnections: 256, MaxRequests: 128, MultipartMaxParts: 100})
}
