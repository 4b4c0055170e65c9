package users_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"plumbline.dev/plumbline/internal/apptest"
	"plumbline.dev/plumbline/internal/identity/users"
	"plumbline.dev/plumbline/internal/kernel/crypt"
)

func TestPasswordHash(t *testing.T) {
	ctx := t.Context()
	const password = crypt.Secret("correct horse battery")
	hash, err := users.HashPassword(ctx, password)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "horse") {
		t.Fatalf("HashPassword = %q, %v; want PHC form", hash, err)
	}
	if again, _ := users.HashPassword(ctx, password); again == hash {
		t.Error("two hashes of one password are equal: no salt")
	}
	for _, c := range []struct {
		hash     string
		password crypt.Secret
		want     bool
	}{{hash, password, true}, {hash, "correct horse batterz", false}, {hash, "", false}, {"", password, false}, {"", "", false},
		{hash, crypt.Secret(strings.Repeat("x", 10_000)), false}} {
		if ok, err := users.VerifyPassword(ctx, c.hash, c.password); ok != c.want || err != nil {
			t.Errorf("VerifyPassword(%q) = %v, %v, want %v", c.hash, ok, err, c.want)
		}
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=1,t=1,p=1$AA$AA", "$argon2id$v=19$m=99999999,t=1,p=1$AA$AA", "$argon2id$v=19$m=8,t=0,p=1$AA$AA", "$argon2id$v=19$m=8,t=1,p=1$AA$"} {
		if ok, err := users.VerifyPassword(ctx, bad, password); ok || err == nil {
			t.Errorf("VerifyPassword(%q) = %v, %v, want an error", bad, ok, err)
		}
	}
	if users.CheckNewPassword("too short") == nil || users.CheckNewPassword(crypt.Secret(strings.Repeat("x", 513))) == nil || users.CheckNewPassword("long enough") != nil {
		t.Error("CheckNewPassword does not keep its limits")
	}
}

func TestSecondFactor(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, f := s.T.Context(), s.App.Users
		find := func() users.User {
			u, err := f.ByLogin(ctx, "ADA@example.com")
			if err != nil {
				s.T.Fatal(err)
			}
			return u
		}
		s.User("ada")
		key, err := f.StartTOTP(ctx, find())
		if err != nil {
			s.T.Fatal(err)
		}
		if u := find(); u.TOTPVerified || strings.Contains(string(u.TOTPSecret), key.Secret()) {
			s.T.Errorf("after StartTOTP: verified %v, or the secret is in clear", u.TOTPVerified)
		}
		code, err := totp.GenerateCode(key.Secret(), time.Now())
		if err != nil {
			s.T.Fatal(err)
		}
		for _, wrong := range []string{"", "000000", code + "0", code[:5]} {
			if ok, err := f.ConfirmTOTP(ctx, find(), wrong); (ok && wrong != code) || err != nil {
				s.T.Errorf("ConfirmTOTP(%q) = %v, %v, want false", wrong, ok, err)
			}
		}
		if ok, err := f.ConfirmTOTP(ctx, find(), code); !ok || err != nil || !find().TOTPVerified {
			s.T.Errorf("ConfirmTOTP = %v, %v, want true", ok, err)
		}
		if ok, err := f.CheckTOTP(ctx, find(), code); ok || err != nil {
			s.T.Errorf("CheckTOTP of a code that was used = %v, %v, want false", ok, err)
		}
		if _, err := f.StartTOTP(ctx, find()); err == nil {
			s.T.Error("StartTOTP while the second factor is on: want an error")
		}
		old, err := totp.GenerateCode(key.Secret(), time.Now().Add(-5*time.Minute))
		if err != nil {
			s.T.Fatal(err)
		}
		if ok, _ := f.CheckTOTP(ctx, find(), old); ok {
			s.T.Error("CheckTOTP of a code of five minutes ago = true, want false")
		}
		if _, err := s.Admin().Admin.Users.Disable2FA(ctx, find().ID); err != nil || find().TOTPSecret != nil {
			s.T.Errorf("Disable2FA = %v, want the secret gone", err)
		}
	})
}

func TestInvitedUserSignsUp(t *testing.T) {
	apptest.Run(t, func(s *apptest.Server) {
		ctx, f := s.T.Context(), s.App.Users
		invited, err := f.Invite(ctx, "Ada@example.com")
		if err != nil {
			s.T.Fatal(err)
		}
		if again, err := f.Invite(ctx, "ada@EXAMPLE.com"); err != nil || again.ID != invited.ID {
			s.T.Errorf("Invite twice = %s, %v, want %s", again.ID, err, invited.ID)
		}
		if other, err := f.Invite(ctx, "grace@example.com"); err != nil || other.ID == invited.ID {
			s.T.Errorf("Invite of another = %s, %v", other.ID, err)
		}
		if _, err := f.Invite(ctx, "nobody"); err == nil {
			s.T.Error("Invite of no address: want an error")
		}
		if u, err := f.Create(ctx, users.New{Username: "ada", Email: "ada@example.com"}); err != nil || u.ID != invited.ID {
			s.T.Errorf("Create of the invited = %+v, %v, want id %s", u, err, invited.ID)
		}
		if _, err := f.Create(ctx, users.New{Username: "other", Email: "ada@example.com"}); err == nil {
			s.T.Error("Create with an address that is taken: want an error")
		}
	})
}
