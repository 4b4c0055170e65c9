package connections

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/signer"
)

// AWSKeys are credentials of AWS.
type AWSKeys struct{ ID, Secret, Session string }

// AWSIdentity returns the credentials of this server, with which it takes roles on: of the
// environment, or of the machine, container or pod that it runs on.
func AWSIdentity(context.Context) (AWSKeys, error) {
	if id := os.Getenv("AWS_ACCESS_KEY_ID"); id != "" {
		return AWSKeys{ID: id, Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), Session: os.Getenv("AWS_SESSION_TOKEN")}, nil
	}
	v, err := machine.GetWithContext(&credentials.CredContext{Client: &http.Client{Timeout: 5 * time.Second}})
	if err != nil {
		return AWSKeys{}, fail("no_identity", "This server has no AWS identity of its own: an operator must give it one (AWS_ACCESS_KEY_ID, or a role of its machine).")
	}
	return AWSKeys{ID: v.AccessKeyID, Secret: v.SecretAccessKey, Session: v.SessionToken}, nil
}

var machine = credentials.New(&credentials.IAM{})

// roleARN matches the ARN of a role (IAM User Guide, "IAM identifiers").
var roleARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}$`)

// stsHosts are where tokens are made, and the region that requests are signed for, by
// partition.
var stsHosts = map[string][2]string{
	"aws": {"sts.amazonaws.com", "us-east-1"}, "aws-cn": {"sts.cn-north-1.amazonaws.com.cn", "cn-north-1"}, "aws-us-gov": {"sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"},
}

// beyondReading are the reads that the policy ReadOnlyAccess leaves out and some refreshes
// need: encrypted states, and secrets that are data sources. The role decides whether it
// allows them; a session policy only narrows it.
const beyondReading = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Decrypt","secretsmanager:GetSecretValue"],"Resource":"*"}]}`

// assumeRole takes a role on for an hour, narrowed to reading whatever the role allows.
func (f *Feature) assumeRole(ctx context.Context, role, externalID, session string) (AWSKeys, error) {
	m := roleARN.FindStringSubmatch(role)
	if m == nil {
		return AWSKeys{}, fail("invalid_role", "%q is not the ARN of a role, such as arn:aws:iam::123456789012:role/tfstatecom-scan.", clip(role))
	}
	own, err := f.Identity(ctx)
	if err != nil {
		return AWSKeys{}, err
	}
	var out struct {
		Result stsSession `xml:"AssumeRoleResult"`
	}
	form := narrowed(m[1], role, session)
	form.Set("Action", "AssumeRole")
	form.Set("ExternalId", externalID)
	if err := f.sts(ctx, m[1], &own, form, &out); err != nil {
		return AWSKeys{}, err
	}
	return out.Result.keys()
}

// assumeByToken is assumeRole for a role that trusts the identity tokens of this server: the
// token does not leave it, so the session is always a narrowed one.
func (f *Feature) assumeByToken(ctx context.Context, role, token, session string) (AWSKeys, error) {
	m := roleARN.FindStringSubmatch(role)
	if m == nil {
		return AWSKeys{}, fail("invalid_role", "%q is not the ARN of a role, such as arn:aws:iam::123456789012:role/tfstatecom-scan.", clip(role))
	}
	var out struct {
		Result stsSession `xml:"AssumeRoleWithWebIdentityResult"`
	}
	form := narrowed(m[1], role, session)
	form.Set("Action", "AssumeRoleWithWebIdentity")
	form.Set("WebIdentityToken", token)
	if err := f.sts(ctx, m[1], nil, form, &out); err != nil {
		return AWSKeys{}, err
	}
	return out.Result.keys()
}

// stsSession is what AWS answers with credentials.
type stsSession struct {
	Credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string `xml:"SecretAccessKey"`
		SessionToken    string `xml:"SessionToken"`
	} `xml:"Credentials"`
}

func (s stsSession) keys() (AWSKeys, error) {
	c := s.Credentials
	if c.AccessKeyID == "" || c.SecretAccessKey == "" || c.SessionToken == "" {
		return AWSKeys{}, fail("sts_failed", "AWS answered without credentials.")
	}
	return AWSKeys{ID: c.AccessKeyID, Secret: c.SecretAccessKey, Session: c.SessionToken}, nil
}

// narrowed is the request for a session of a role that may only read.
func narrowed(partition, role, session string) url.Values {
	return url.Values{"RoleArn": {role}, "RoleSessionName": {sessionName(session)}, "DurationSeconds": {"3600"},
		"PolicyArns.member.1.arn": {"arn:" + partition + ":iam::aws:policy/ReadOnlyAccess"}, "Policy": {beyondReading}}
}

var notInSession = regexp.MustCompile(`[^\w+=,.@-]`)

// sessionName is what CloudTrail shows of a scan; it has at most 64 characters.
func sessionName(scanID string) string {
	name := "plumbline-scan-" + notInSession.ReplaceAllString(scanID, "-")
	return name[:min(len(name), 64)]
}

// callerOfAWS is who credentials of AWS are.
type callerOfAWS struct {
	Account string `xml:"Account"`
	ARN     string `xml:"Arn"`
}

// awsCaller asks AWS whose credentials these are; nothing is needed to ask.
func (f *Feature) awsCaller(ctx context.Context, partition string, keys AWSKeys) (callerOfAWS, error) {
	var out struct {
		Result callerOfAWS `xml:"GetCallerIdentityResult"`
	}
	err := f.sts(ctx, partition, &keys, url.Values{"Action": {"GetCallerIdentity"}}, &out)
	return out.Result, err
}

// sts makes a request to AWS's Security Token Service (API Reference 2011-06-15), signed
// unless keys is nil.
func (f *Feature) sts(ctx context.Context, partition string, keys *AWSKeys, form url.Values, into any) error {
	form.Set("Version", "2011-06-15")
	body, host := form.Encode(), stsHosts[partition]
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host[0]+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if keys != nil {
		req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:])) // for the signer, which takes it out
		if keys.Session != "" {
			req.Header.Set("X-Amz-Security-Token", keys.Session)
		}
		req = signer.SignV4STS(*req, keys.ID, keys.Secret, host[1])
	}
	res, err := f.HTTP.Do(ctx, req)
	if err != nil {
		return outside("AWS", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return outside("AWS", err)
	}
	if res.StatusCode != http.StatusOK {
		return stsError(form.Get("Action"), b)
	}
	if err := xml.Unmarshal(b, into); err != nil {
		return fail("sts_failed", "AWS gave an answer that is not understood.")
	}
	return nil
}

// stsError says what AWS refused of an action. Its messages name ARNs and no secrets.
func stsError(action string, b []byte) error {
	var said struct {
		Error struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		} `xml:"Error"`
	}
	if xml.Unmarshal(b, &said) != nil || said.Error.Code == "" {
		return fail("sts_failed", "AWS refused the request.")
	}
	hint := map[string]string{ //nolint:gosec // words about secrets are no secrets
		"AccessDenied":          " The role must trust this server's identity and ask for the external id that the connection shows.",
		"InvalidClientTokenId":  " The key id is not known.",
		"SignatureDoesNotMatch": " The key secret does not belong to the key id.",
		"InvalidIdentityToken":  " The account has no identity provider for this server's address, or cannot read the server's keys.",
		"IDPCommunicationError": " AWS cannot reach this server at its public address.",
		"ExpiredTokenException": " The clock of this server may be wrong.",
	}[said.Error.Code]
	if said.Error.Code == "AccessDenied" && action == "AssumeRoleWithWebIdentity" {
		hint = " The role must trust the identity provider of this server, with the audience and the subject that the connection shows."
	}
	return fail("sts_refused", "AWS: %s: %s%s", said.Error.Code, clipLong(said.Error.Message), hint)
}

func clipLong(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	if len(s) > 500 {
		return strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

// asError returns the Error inside err.
func asError(err error) (*Error, bool) {
	var e *Error
	return e, errors.As(err, &e)
}
