package blob

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"plumbline.dev/plumbline/internal/kernel/problem"
)

// partSize is the size above which an object is sent in parts, and theirs.
const partSize = 16 << 20

// bucket is the backend on S3.
type bucket struct {
	s3     *minio.Client
	name   string
	prefix string // empty, or with a slash at its end
}

// settings are the parts of a store's URL.
type settings struct {
	bucket, prefix, endpoint, region string
	insecure                         bool
}

func openS3(ctx context.Context, address string) (backend, error) {
	set, err := parseS3(address)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(set.endpoint, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
		Secure: !set.insecure,
		Region: set.region,
	})
	if err != nil {
		return nil, err
	}
	switch ok, err := client.BucketExists(ctx, set.bucket); {
	case err != nil:
		return nil, fmt.Errorf("bucket %s: %w", set.bucket, err)
	case !ok:
		return nil, fmt.Errorf("bucket %s does not exist at %s", set.bucket, set.endpoint)
	}
	return bucket{client, set.bucket, set.prefix}, nil
}

func parseS3(address string) (settings, error) {
	u, err := url.Parse(address)
	if err != nil {
		return settings{}, err
	}
	if u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return settings{}, fmt.Errorf(`the store must be "s3://BUCKET?…", with a folder as prefix=… and credentials in the environment`)
	}
	set := settings{bucket: u.Host, endpoint: "s3.amazonaws.com"}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return settings{}, err
	}
	for name, values := range query {
		value := values[0]
		switch name {
		case "endpoint":
			set.endpoint = value
		case "region":
			set.region = value
		case "insecure":
			set.insecure = value == "1" || value == "true"
		case "prefix":
			set.prefix = strings.Trim(value, "/") + "/"
			if err := checkKey(strings.Trim(value, "/")); err != nil {
				return settings{}, fmt.Errorf("prefix %q has other characters than A-Z a-z 0-9 . _ - and /", value)
			}
		default:
			return settings{}, fmt.Errorf("the store's URL has an unknown parameter %q", name)
		}
	}
	return set, nil
}

// commit sends the file, from which a failed request can be repeated. Parts go
// one after the other and become an object when the last has arrived.
func (b bucket) commit(ctx context.Context, key string, t *temp) error {
	info, err := t.Stat()
	if err != nil {
		return err
	}
	body := io.NewSectionReader(t, 0, info.Size())
	_, err = b.s3.PutObject(ctx, b.name, b.prefix+key, body, info.Size(),
		minio.PutObjectOptions{PartSize: partSize, NumThreads: 1, ContentType: "application/octet-stream"})
	return err
}

func (b bucket) open(ctx context.Context, key string) (io.ReadCloser, error) {
	body, _, _, err := minio.Core{Client: b.s3}.GetObject(ctx, b.name, b.prefix+key, minio.GetObjectOptions{})
	if absent(err) {
		return nil, problem.NotFound
	}
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", key, err)
	}
	return body, nil
}

func (b bucket) remove(ctx context.Context, key string) error {
	err := b.s3.RemoveObject(ctx, b.name, b.prefix+key, minio.RemoveObjectOptions{})
	if err != nil && !absent(err) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

func (b bucket) list(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for o := range b.s3.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true}) {
			if o.Err != nil {
				yield(Info{}, fmt.Errorf("blob: list %q: %w", prefix, o.Err))
				return
			}
			if !yield(Info{strings.TrimPrefix(o.Key, b.prefix), o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil { // of which minio-go says nothing
			yield(Info{}, err)
		}
	}
}

func absent(err error) bool { return err != nil && minio.ToErrorResponse(err).Code == minio.NoSuchKey }
