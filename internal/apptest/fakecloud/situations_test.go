package fakecloud_test

import (
	"fmt"
	"strings"

	"plumbline.dev/plumbline/internal/apptest/fakecloud"
)

// situation is something that happened to a stack. KEY in its texts is its name, which is in the
// names of all that it makes.
type situation struct {
	name     string
	code     string                       // what was applied
	now      string                       // what is scanned; "" is what was applied, none is nothing
	files    map[string]string            // modules, which do not change
	commands []string                     // of the engine, after the apply
	happens  func(*fakecloud.Cloud) error // behind the provider's back
	since    string                       // version of Terraform that knows the words
	exists   bool                         // an object of its name that no code manages; IMPORTED in its code is the id
	want     []string                     // findings: address, path, kind, severity
}

// none is a code that has nothing of the situation any more.
const none = "\n"

// obj is a resource with its name and some more attributes.
func obj(typ, rest string) string {
	return fmt.Sprintf("resource %q \"KEY\" {\n  name = \"KEY\"\n%s\n}\n", typ, rest)
}

// set changes one attribute of the object that is named like the situation.
func set(typ, attribute string, value any) func(*fakecloud.Cloud) error {
	return func(c *fakecloud.Cloud) error {
		return c.Change(typ, "KEY", func(o fakecloud.Object) { o[attribute] = value })
	}
}

func remove(typ string) func(*fakecloud.Cloud) error {
	return func(c *fakecloud.Cloud) error { return c.Remove(typ, "KEY") }
}

func inside(typ, block string, n int, attribute string, value any) func(*fakecloud.Cloud) error {
	return func(c *fakecloud.Cloud) error {
		return c.Change(typ, "KEY", func(o fakecloud.Object) { o[block].([]any)[n].(map[string]any)[attribute] = value })
	}
}

type doc = map[string]any

func dict(pairs ...string) doc {
	out := doc{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func items(list ...any) []any { return list }

const (
	policyA  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}]}`
	policyA2 = `{"Statement":{"Action":["s3:listbucket","s3:GetObject"],"Effect":"Allow","Resource":["*"],"Sid":""},"Version":"2012-10-17"}`
	policyB  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"*"}]}`
	admin    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

func policyOf(p string) string { return "policy = " + fmt.Sprintf("%q", p) }

var https = `ingress {
  from_port = 443
  to_port = 443
  protocol = "tcp"
  cidr_blocks = ["10.0.0.0/8"]
}
ingress {
  from_port = 80
  to_port = 80
  protocol = "tcp"
  cidr_blocks = ["10.0.0.0/8"]
}`

func ingress(port float64, cidr string) doc {
	return doc{"from_port": port, "to_port": port, "protocol": "tcp", "cidr_blocks": items(cidr)}
}

var actions = `action {
  type = "forward"
  target = "a"
}
action {
  type = "forward"
  target = "b"
  header {
    name = "x"
    value = "1"
  }
}`

const inModule = "resource \"aws_instance\" \"in\" {\n  name = \"KEY-${var.n}\"\n  tags = { team = \"a\" }\n}\nvariable \"n\" { type = string }\n"

const requires = "terraform {\n  required_providers {\n    aws = { source = \"fakecloud.test/lab/aws\" }\n  }\n}\n"

// attributes are changes of single attributes by hand.
var attributes = []situation{
	{name: "clean", code: obj("aws_instance", `tags = { a = "1" }`)},
	{name: "tag_added", code: obj("aws_instance", `tags = { a = "1" }`), happens: set("aws_instance", "tags", dict("a", "1", "owner", "eve")),
		want: []string{"aws_instance.KEY tags.owner: drift low"}},
	{name: "tag_changed", code: obj("aws_instance", `tags = { "a b/c" = "1" }`), happens: set("aws_instance", "tags", dict("a b/c", "2")),
		want: []string{`aws_instance.KEY tags["a b/c"]: drift low`}},
	{name: "tag_removed", code: obj("aws_instance", `tags = { a = "1", b = "2" }`), happens: set("aws_instance", "tags", dict("a", "1")),
		want: []string{"aws_instance.KEY tags.b: drift low"}},
	{name: "resized", code: obj("aws_instance", `instance_type = "t3"`), happens: set("aws_instance", "instance_type", "m5"),
		want: []string{"aws_instance.KEY instance_type: drift medium"}},
	{name: "user_data", code: obj("aws_instance", `user_data = "a"`), happens: set("aws_instance", "user_data", "b"),
		want: []string{"aws_instance.KEY user_data: drift high"}},
	{name: "monitoring", code: obj("aws_instance", `monitoring = true`), happens: set("aws_instance", "monitoring", false),
		want: []string{"aws_instance.KEY monitoring: drift medium"}},
	{name: "replaced", code: obj("aws_instance", `ami = "a"`), happens: set("aws_instance", "ami", "b"),
		want: []string{"aws_instance.KEY ami: drift high"}},
	{name: "replaced_database", code: obj("aws_db_instance", `engine = "postgres"`), happens: set("aws_db_instance", "engine", "mysql"),
		want: []string{"aws_db_instance.KEY engine: drift critical"}},
	{name: "upgraded", code: obj("aws_db_instance", `engine_version = "15.4"`), happens: set("aws_db_instance", "engine_version", "15.10"),
		want: []string{"aws_db_instance.KEY engine_version: drift low"}},
	{name: "downgraded", code: obj("aws_db_instance", `engine_version = "15.10"`), happens: set("aws_db_instance", "engine_version", "15.4"),
		want: []string{"aws_db_instance.KEY engine_version: drift high"}},
	{name: "published", code: obj("aws_db_instance", `publicly_accessible = false`), happens: set("aws_db_instance", "publicly_accessible", true),
		want: []string{"aws_db_instance.KEY publicly_accessible: drift critical"}},
	{name: "unpublished", code: obj("aws_db_instance", `publicly_accessible = true`), happens: set("aws_db_instance", "publicly_accessible", false),
		want: []string{"aws_db_instance.KEY publicly_accessible: drift medium"}},
	{name: "retention", code: obj("aws_db_instance", `backup_retention_period = 14`), happens: set("aws_db_instance", "backup_retention_period", 1),
		want: []string{"aws_db_instance.KEY backup_retention_period: drift high"}},
	{name: "acl", code: obj("aws_s3_bucket", `acl = "private"`), happens: set("aws_s3_bucket", "acl", "public-read"),
		want: []string{"aws_s3_bucket.KEY acl: drift critical"}},
	{name: "force_destroy", code: obj("aws_s3_bucket", `force_destroy = false`), happens: set("aws_s3_bucket", "force_destroy", true),
		want: []string{"aws_s3_bucket.KEY force_destroy: drift high"}},
	{name: "unset_attribute", code: obj("aws_s3_bucket", ``), happens: set("aws_s3_bucket", "acl", "public-read"),
		want: []string{"aws_s3_bucket.KEY acl: drift critical"}},
	{name: "desired", code: obj("aws_autoscaling_group", "desired_capacity = 2"), happens: set("aws_autoscaling_group", "desired_capacity", 5),
		want: []string{"aws_autoscaling_group.KEY desired_capacity: drift info"}},
	{name: "dns", code: obj("aws_route53_record", `records = ["192.0.2.1"]`), happens: set("aws_route53_record", "records", items("198.51.100.9")),
		want: []string{"aws_route53_record.KEY records: drift high"}},
	{name: "policy_admin", code: obj("aws_iam_policy", policyOf(policyA)), happens: set("aws_iam_policy", "policy", admin),
		want: []string{"aws_iam_policy.KEY policy: drift critical"}},
	{name: "policy_other", code: obj("aws_iam_policy", policyOf(policyA)), happens: set("aws_iam_policy", "policy", policyB),
		want: []string{"aws_iam_policy.KEY policy: drift high"}},
	{name: "gcp_opened", code: obj("google_compute_firewall", "source_ranges = [\"10.0.0.0/8\"]\nallow {\n  protocol = \"tcp\"\n  ports = [\"22\"]\n}"),
		happens: set("google_compute_firewall", "source_ranges", items("10.0.0.0/8", "0.0.0.0/0")),
		want:    []string{"google_compute_firewall.KEY source_ranges: drift critical"}},
	{name: "gcp_bucket", code: obj("google_storage_bucket", `public_access_prevention = "enforced"`), happens: set("google_storage_bucket", "public_access_prevention", "inherited"),
		want: []string{"google_storage_bucket.KEY public_access_prevention: drift high"}},
	{name: "azure_public", code: obj("azurerm_storage_account", `allow_nested_items_to_be_public = false`), happens: set("azurerm_storage_account", "allow_nested_items_to_be_public", true),
		want: []string{"azurerm_storage_account.KEY allow_nested_items_to_be_public: drift critical"}},
	{name: "azure_tls", code: obj("azurerm_storage_account", `min_tls_version = "TLS1_2"`), happens: set("azurerm_storage_account", "min_tls_version", "TLS1_0"),
		want: []string{"azurerm_storage_account.KEY min_tls_version: drift high"}},
	{name: "replicas", code: obj("kubernetes_deployment", "spec {\n  replicas = \"1\"\n  image = \"r.example/a:1\"\n}"), happens: inside("kubernetes_deployment", "spec", 0, "replicas", "4"),
		want: []string{"kubernetes_deployment.KEY spec[0].replicas: drift info"}},
	{name: "image", code: obj("kubernetes_deployment", "spec {\n  replicas = \"1\"\n  image = \"r.example/a:1\"\n}"), happens: inside("kubernetes_deployment", "spec", 0, "image", "evil.example/a:1"),
		want: []string{"kubernetes_deployment.KEY spec[0].image: drift high"}},
	{name: "annotation", code: obj("kubernetes_deployment", "metadata {\n  annotations = { \"deployment.kubernetes.io/revision\" = \"1\" }\n}"),
		happens: inside("kubernetes_deployment", "metadata", 0, "annotations", dict("deployment.kubernetes.io/revision", "2")),
		want:    []string{`kubernetes_deployment.KEY metadata[0].annotations["deployment.kubernetes.io/revision"]: drift info`}},
	{name: "proxied", code: obj("cloudflare_record", "content = \"192.0.2.1\"\nproxied = true"),
		happens: func(c *fakecloud.Cloud) error {
			return c.Change("cloudflare_record", "KEY", func(o fakecloud.Object) { o["proxied"], o["modified_on"] = false, "later" })
		},
		want: []string{"cloudflare_record.KEY modified_on: state-only info", "cloudflare_record.KEY proxied: drift high"}},
	{name: "visibility", code: obj("github_repository", `visibility = "private"`), happens: set("github_repository", "visibility", "public"),
		want: []string{"github_repository.KEY visibility: drift critical"}},
	{name: "admins", code: obj("github_branch_protection", `enforce_admins = true`), happens: set("github_branch_protection", "enforce_admins", false),
		want: []string{"github_branch_protection.KEY enforce_admins: drift critical"}},
	{name: "second_provider", code: strings.Replace(obj("aws_instance", `tags = { a = "1" }`), "{", "{\n  provider = aws.second", 1),
		happens: set("aws_instance", "tags", dict("a", "2")), want: []string{"aws_instance.KEY tags.a: drift low"}},
	{name: "busy_cloud", code: strings.Replace(obj("aws_instance", `tags = { a = "1" }`), "{", "{\n  provider = aws.busy", 1),
		happens: set("aws_instance", "tags", dict("a", "2")), want: []string{"aws_instance.KEY tags.a: drift low"}},
}

// shapes are about sets, lists, blocks, empty values and secrets.
var shapes = []situation{
	{name: "opened", code: obj("aws_security_group", https), happens: set("aws_security_group", "ingress", items(ingress(443, "10.0.0.0/8"), ingress(80, "10.0.0.0/8"), ingress(22, "0.0.0.0/0"))),
		want: []string{"aws_security_group.KEY ingress: drift critical"}},
	{name: "one_element", code: obj("aws_security_group", https), happens: inside("aws_security_group", "ingress", 0, "cidr_blocks", items("0.0.0.0/0")),
		want: []string{"aws_security_group.KEY ingress: drift high"}},
	{name: "closed", code: obj("aws_security_group", https), happens: set("aws_security_group", "ingress", items(ingress(443, "10.0.0.0/8"))),
		want: []string{"aws_security_group.KEY ingress: drift medium"}},
	{name: "egress", code: obj("aws_security_group", ""), happens: set("aws_security_group", "egress", items(ingress(443, "0.0.0.0/0"))),
		want: []string{"aws_security_group.KEY egress: drift medium"}},
	{name: "blocks_reordered", code: obj("aws_security_group", https), happens: set("aws_security_group", "ingress", items(ingress(80, "10.0.0.0/8"), ingress(443, "10.0.0.0/8")))},
	{name: "set_reordered", code: obj("aws_instance", `security_groups = ["c", "a", "b"]`), happens: set("aws_instance", "security_groups", items("b", "c", "a"))},
	{name: "topics_reordered", code: obj("github_repository", `topics = ["b", "a"]`), happens: set("github_repository", "topics", items("b", "a"))},
	{name: "list_reordered", code: obj("aws_db_instance", `parameters = ["a", "b"]`), happens: set("aws_db_instance", "parameters", items("b", "a")),
		want: []string{"aws_db_instance.KEY parameters: drift medium"}},
	{name: "list_block", code: obj("aws_lb_listener", actions), happens: inside("aws_lb_listener", "action", 0, "target", "c"),
		want: []string{"aws_lb_listener.KEY action[0].target: drift medium"}},
	{name: "nested_block", code: obj("aws_lb_listener", actions), happens: func(c *fakecloud.Cloud) error {
		return c.Change("aws_lb_listener", "KEY", func(o fakecloud.Object) {
			o["action"].([]any)[1].(map[string]any)["header"] = items(doc{"name": "x", "value": "2"})
		})
	}, want: []string{"aws_lb_listener.KEY action[1].header[0].value: drift medium"}},
	{name: "block_removed", code: obj("aws_lb_listener", actions), happens: set("aws_lb_listener", "action", items(doc{"type": "forward", "target": "b", "header": items(doc{"name": "x", "value": "1"})})),
		want: []string{"aws_lb_listener.KEY action: drift medium"}},
	{name: "dynamic", code: obj("google_compute_firewall", "source_ranges = [\"10.0.0.0/8\"]\ndynamic \"allow\" {\n  for_each = [\"443\", \"8443\"]\n  content {\n    protocol = \"tcp\"\n    ports = [allow.value]\n  }\n}"),
		happens: inside("google_compute_firewall", "allow", 1, "ports", items("8443", "9999")),
		want:    []string{"google_compute_firewall.KEY allow[1].ports: drift medium"}},
	{name: "policy_reordered", code: obj("aws_iam_policy", policyOf(policyA)), happens: set("aws_iam_policy", "policy", policyA2),
		want: []string{"aws_iam_policy.KEY policy: state-only info"}},
	{name: "containers_filled", code: obj("aws_ecs_task_definition", `container_definitions = jsonencode([{ name = "a", image = "b", environment = [{ name = "Y", value = "1" }, { name = "X", value = "2" }] }])`),
		happens: set("aws_ecs_task_definition", "container_definitions", `[{"cpu":0,"environment":[{"name":"X","value":"2"},{"name":"Y","value":"1"}],"essential":true,"image":"b","mountPoints":[],"name":"a"}]`),
		want:    []string{"aws_ecs_task_definition.KEY container_definitions: state-only info"}},
	{name: "null_or_empty_text", code: obj("aws_instance", ""), happens: set("aws_instance", "description", "")},
	{name: "null_or_empty_map", code: obj("aws_instance", ""), happens: set("aws_instance", "tags", doc{})},
	{name: "empty_or_null_list", code: obj("aws_db_instance", "parameters = []"), happens: set("aws_db_instance", "parameters", nil)},
	{name: "trailing_dot", code: obj("aws_route53_record", `records = ["a.example.com", "b.example.com."]`), happens: set("aws_route53_record", "records", items("a.example.com.", "b.example.com"))},
	{name: "azure_words", code: obj("azurerm_storage_account", "location = \"West Europe\"\nresource_id = \"/subscriptions/A/resourceGroups/b\""), happens: func(c *fakecloud.Cloud) error {
		return c.Change("azurerm_storage_account", "KEY", func(o fakecloud.Object) {
			o["location"], o["resource_id"] = "westeurope", "/subscriptions/a/resourcegroups/B"
		})
	}},
	{name: "password", code: obj("aws_db_instance", `password = "s3cret-one"`), happens: set("aws_db_instance", "password", "s3cret-two"),
		want: []string{"aws_db_instance.KEY password: drift high masked"}},
	{name: "secret_map", code: obj("kubernetes_secret", `data = { a = "s3cret-one" }`), happens: set("kubernetes_secret", "data", dict("a", "s3cret-two")),
		want: []string{"kubernetes_secret.KEY data: drift high masked"}},
	{name: "sensitive_set", code: obj("aws_mq_broker", "user {\n  username = \"a\"\n  password = \"s3cret-one\"\n}\nuser {\n  username = \"b\"\n  password = \"s3cret-b\"\n}"),
		happens: inside("aws_mq_broker", "user", 0, "password", "s3cret-two"), want: []string{"aws_mq_broker.KEY user: drift high masked"}},
	{name: "sensitive_variable", code: "variable \"KEY\" {\n  default = \"s3cret-one\"\n  sensitive = true\n}\n" + obj("aws_instance", "description = var.KEY"),
		happens: set("aws_instance", "description", "s3cret-two"), want: []string{"aws_instance.KEY description: drift high masked"}},
	{name: "write_only", since: "1.11", code: obj("aws_db_instance", "password_wo = \"s3cret-one\"\npassword_wo_version = 1"), happens: set("aws_db_instance", "password_wo", "s3cret-two")},
	{name: "write_only_again", since: "1.11", code: obj("aws_db_instance", "password_wo = \"s3cret-one\"\npassword_wo_version = 1"),
		now: obj("aws_db_instance", "password_wo = \"s3cret-two\"\npassword_wo_version = 2"), want: []string{"aws_db_instance.KEY password_wo_version: pending-config low"}},
	{name: "ephemeral", since: "1.11", code: "ephemeral \"aws_token\" \"KEY\" {}\n" + obj("aws_db_instance", "password_wo = ephemeral.aws_token.KEY.value\npassword_wo_version = 1")},
	{name: "computed_noise", code: strings.Replace(obj("aws_db_instance", ""), "{", "{\n  provider = aws.noisy", 1),
		want: []string{"aws_db_instance.KEY latest_restorable_time: state-only info"}},
	{name: "not_seen_yet", code: strings.Replace(obj("aws_instance", `tags = { a = "1" }`), "{", "{\n  provider = aws.stale", 1), happens: set("aws_instance", "tags", dict("a", "2"))},
}

// plans are about what the code says by now, and about objects as a whole.
var plans = []situation{
	{name: "ignored", code: obj("aws_instance", "tags = { a = \"1\" }\nlifecycle {\n  ignore_changes = [tags]\n}"), happens: set("aws_instance", "tags", dict("a", "2")),
		want: []string{"aws_instance.KEY tags.a: state-only info"}},
	{name: "not_configured", code: obj("aws_autoscaling_group", "min_size = 1"), happens: set("aws_autoscaling_group", "desired_capacity", 7),
		want: []string{"aws_autoscaling_group.KEY desired_capacity: state-only info"}},
	{name: "adopted", code: obj("aws_instance", `instance_type = "a"`), now: obj("aws_instance", `instance_type = "b"`), happens: set("aws_instance", "instance_type", "b"),
		want: []string{"aws_instance.KEY instance_type: state-only info"}},
	{name: "pending", code: obj("aws_instance", `instance_type = "a"`), now: obj("aws_instance", `instance_type = "b"`),
		want: []string{"aws_instance.KEY instance_type: pending-config medium"}},
	{name: "pending_opens", code: obj("aws_security_group", https), now: obj("aws_security_group", strings.ReplaceAll(https, "10.0.0.0/8", "0.0.0.0/0")),
		want: []string{"aws_security_group.KEY ingress: pending-config medium"}},
	{name: "pending_destroys", code: obj("aws_db_instance", `engine = "a"`), now: obj("aws_db_instance", `engine = "b"`),
		want: []string{"aws_db_instance.KEY engine: pending-config critical"}},
	{name: "both", code: obj("aws_instance", `instance_type = "a"`), now: obj("aws_instance", `instance_type = "b"`), happens: set("aws_instance", "instance_type", "c"),
		want: []string{"aws_instance.KEY instance_type: drift+config medium"}},
	{name: "side_by_side", code: obj("aws_instance", "instance_type = \"a\"\ntags = { a = \"1\" }"), now: obj("aws_instance", "instance_type = \"b\"\ntags = { a = \"1\" }"),
		happens: set("aws_instance", "tags", dict("a", "2")),
		want:    []string{"aws_instance.KEY instance_type: pending-config medium", "aws_instance.KEY tags.a: drift low"}},
	{name: "deleted", code: obj("aws_instance", ""), happens: remove("aws_instance"), want: []string{"aws_instance.KEY: deleted high"}},
	{name: "deleted_data", code: obj("aws_db_instance", ""), happens: remove("aws_db_instance"), want: []string{"aws_db_instance.KEY: deleted critical"}},
	{name: "deleted_everywhere", code: obj("aws_instance", ""), now: none, happens: remove("aws_instance"), want: []string{"aws_instance.KEY: state-only info"}},
	{name: "uncoded", code: obj("aws_instance", ""), now: none, want: []string{"aws_instance.KEY: pending-config info"}},
	{name: "uncoded_data", code: obj("aws_db_instance", ""), now: none, want: []string{"aws_db_instance.KEY: pending-config critical"}},
	{name: "uncoded_and_changed", code: obj("aws_instance", `tags = { a = "1" }`), now: none, happens: set("aws_instance", "tags", dict("a", "2")),
		want: []string{"aws_instance.KEY: pending-config info", "aws_instance.KEY tags.a: state-only info"}},
	{name: "forgotten", since: "1.7", code: obj("aws_instance", ""), now: "removed {\n  from = aws_instance.KEY\n  lifecycle {\n    destroy = false\n  }\n}\n", want: []string{"aws_instance.KEY: pending-config info"}},
	{name: "created", code: none, now: obj("aws_instance", ""), want: []string{"aws_instance.KEY: pending-config info"}},
	{name: "moved", code: obj("aws_instance", ""), now: strings.Replace(obj("aws_instance", ""), `"KEY"`, `"KEY_to"`, 1) + "moved {\n  from = aws_instance.KEY\n  to = aws_instance.KEY_to\n}\n",
		want: []string{"aws_instance.KEY_to: pending-config info"}},
	{name: "moved_and_changed", code: obj("aws_instance", `tags = { a = "1" }`), now: strings.Replace(obj("aws_instance", `tags = { a = "1" }`), `"KEY"`, `"KEY_to"`, 1) + "moved {\n  from = aws_instance.KEY\n  to = aws_instance.KEY_to\n}\n",
		happens: set("aws_instance", "tags", dict("a", "2")), want: []string{"aws_instance.KEY_to tags.a: drift low"}},
	{name: "counted", code: strings.Replace(obj("aws_instance", `tags = { a = "1" }`), `"KEY"`+"\n", "\"KEY-${count.index}\"\n  count = 2\n", 1),
		happens: func(c *fakecloud.Cloud) error {
			return c.Change("aws_instance", "KEY-1", func(o fakecloud.Object) { o["tags"] = dict("a", "2") })
		}, want: []string{"aws_instance.KEY[1] tags.a: drift low"}},
	{name: "count_to_each", code: strings.Replace(obj("aws_instance", ""), `"KEY"`+"\n", "\"KEY-${count.index}\"\n  count = 1\n", 1),
		now:  strings.Replace(obj("aws_instance", ""), `"KEY"`+"\n", "\"KEY-${each.value}\"\n  for_each = { a = 0 }\n", 1) + "moved {\n  from = aws_instance.KEY[0]\n  to = aws_instance.KEY[\"a\"]\n}\n",
		want: []string{`aws_instance.KEY["a"]: pending-config info`}},
	{name: "count_to_each_unmoved", code: strings.Replace(obj("aws_instance", ""), `"KEY"`+"\n", "\"KEY-${count.index}\"\n  count = 1\n", 1),
		now:  strings.Replace(obj("aws_instance", ""), `"KEY"`+"\n", "\"KEY-${each.value}\"\n  for_each = { a = 0 }\n", 1),
		want: []string{`aws_instance.KEY["a"]: pending-config info`, `aws_instance.KEY[0]: pending-config info`}},
	{name: "odd_keys", code: strings.Replace(obj("aws_instance", `tags = { a = "1" }`), `"KEY"`+"\n", "\"KEY-${each.value}\"\n  for_each = { \"a\\\"b.c[0] ü\" = 0 }\n", 1),
		happens: func(c *fakecloud.Cloud) error {
			return c.Change("aws_instance", "KEY-0", func(o fakecloud.Object) { o["tags"] = dict("a", "2") })
		}, want: []string{`aws_instance.KEY["a\"b.c[0] ü"] tags.a: drift low`}},
	{name: "module", files: map[string]string{"KEY/main.tf": requires + inModule}, code: "module \"KEY\" {\n  source = \"./KEY\"\n  for_each = toset([\"x\", \"y\"])\n  n = each.key\n}\n",
		happens: func(c *fakecloud.Cloud) error {
			return c.Change("aws_instance", "KEY-y", func(o fakecloud.Object) { o["tags"] = dict("team", "b") })
		}, want: []string{`module.KEY["y"].aws_instance.in tags.team: drift low`}},
	{name: "modules_in_modules", files: map[string]string{"KEY/in/main.tf": requires + inModule, "KEY/main.tf": "module \"deep\" {\n  source = \"./in\"\n  count = 2\n  n = count.index\n}\n"},
		code: "module \"KEY\" {\n  source = \"./KEY\"\n}\n",
		happens: func(c *fakecloud.Cloud) error {
			return c.Remove("aws_instance", "KEY-1")
		}, want: []string{`module.KEY.module.deep[1].aws_instance.in: deleted high`}},
	{name: "tainted", code: obj("aws_instance", ""), commands: []string{"taint aws_instance.KEY"}, want: []string{"aws_instance.KEY: pending-config medium"}},
	{name: "triggered", code: obj("aws_instance", `tags = { a = "1" }`) + "resource \"aws_instance\" \"KEY_after\" {\n  name = \"KEY_after\"\n  lifecycle {\n    replace_triggered_by = [aws_instance.KEY.tags]\n  }\n}\n",
		happens: set("aws_instance", "tags", dict("a", "2")),
		want:    []string{"aws_instance.KEY tags.a: drift low", "aws_instance.KEY_after: pending-config medium"}},
	{name: "wants_the_unknown", code: obj("aws_db_instance", `tags = { a = "1" }`) + "resource \"aws_instance\" \"KEY_after\" {\n  name = \"KEY_after\"\n  description = aws_db_instance.KEY.last_modified\n}\n",
		now: obj("aws_db_instance", `tags = { a = "2" }`) + "resource \"aws_instance\" \"KEY_after\" {\n  name = \"KEY_after\"\n  description = aws_db_instance.KEY.last_modified\n}\n",
		happens: func(c *fakecloud.Cloud) error {
			return c.Change("aws_instance", "KEY_after", func(o fakecloud.Object) { o["description"] = "by hand" })
		},
		want: []string{"aws_db_instance.KEY tags.a: pending-config low", "aws_instance.KEY_after description: drift+config low"}},
	{name: "imported", exists: true, code: none, now: obj("aws_instance", "") + "import {\n  to = aws_instance.KEY\n  id = \"IMPORTED\"\n}\n",
		want: []string{"aws_instance.KEY: pending-config info"}},
}
