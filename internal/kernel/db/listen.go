package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Listen calls fn with the payload of each notification on a PostgreSQL channel
// until ctx ends or the connection breaks. ready is called once it listens. The
// connection is taken from the pool and closed at the end, because it still listens.
func (d *DB) Listen(ctx context.Context, channel string, ready func(), fn func(payload string)) error {
	if !d.postgres {
		return errors.New("db: only PostgreSQL can listen")
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driver any) error {
		c := driver.(*stdlib.Conn).Conn()
		if _, err := c.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return err
		}
		ready()
		for {
			n, err := c.WaitForNotification(ctx)
			if err != nil {
				return errors.Join(err, c.Close(context.WithoutCancel(ctx)))
			}
			fn(n.Payload)
		}
	})
}
