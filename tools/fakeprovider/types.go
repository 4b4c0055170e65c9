package main

// kind is the type of an attribute.
type kind string

const (
	text    kind = "string"
	number  kind = "number"
	boolean kind = "bool"
	list    kind = "list of strings"
	set     kind = "set of strings"
	dict    kind = "map of strings"
)

// attr is an attribute; it is optional if nothing else is said.
type attr struct {
	kind                                              kind
	required, computed, sensitive, replace, writeOnly bool
	optional                                          bool // with computed
	volatile                                          bool // computed anew at every update
}

// block is a nested block; set says that its order means nothing.
type block struct {
	set    bool
	attrs  map[string]attr
	blocks map[string]block
}

// object is a resource type. Every one has id and name.
type object struct {
	attrs  map[string]attr
	blocks map[string]block
}

var rule = block{set: true, attrs: map[string]attr{
	"from_port": {kind: number}, "to_port": {kind: number}, "protocol": {kind: text}, "cidr_blocks": {kind: list}, "description": {kind: text}}}

// catalogue are the resource types by provider.
var catalogue = map[string]map[string]object{
	"aws": {
		"security_group": {attrs: map[string]attr{"description": {kind: text}, "vpc_id": {kind: text, replace: true}, "tags": {kind: dict}},
			blocks: map[string]block{"ingress": rule, "egress": rule}},
		"instance": {attrs: map[string]attr{"instance_type": {kind: text}, "ami": {kind: text, replace: true}, "user_data": {kind: text}, "tags": {kind: dict},
			"private_ip": {kind: text, computed: true}, "security_groups": {kind: set}, "monitoring": {kind: boolean}, "description": {kind: text}}},
		"db_instance": {attrs: map[string]attr{"engine": {kind: text, replace: true}, "engine_version": {kind: text}, "password": {kind: text, sensitive: true},
			"password_wo": {kind: text, writeOnly: true, sensitive: true}, "password_wo_version": {kind: number}, "publicly_accessible": {kind: boolean},
			"backup_retention_period": {kind: number}, "latest_restorable_time": {kind: text, computed: true}, "platform_version": {kind: text, computed: true},
			"last_modified": {kind: text, computed: true, volatile: true}, "tags": {kind: dict}, "parameters": {kind: list}}},
		"iam_policy":        {attrs: map[string]attr{"policy": {kind: text}, "description": {kind: text}}},
		"s3_bucket":         {attrs: map[string]attr{"acl": {kind: text}, "force_destroy": {kind: boolean}, "tags": {kind: dict}}},
		"autoscaling_group": {attrs: map[string]attr{"desired_capacity": {kind: number, computed: true, optional: true}, "min_size": {kind: number}, "max_size": {kind: number}}},
		"route53_record":    {attrs: map[string]attr{"records": {kind: set}, "ttl": {kind: number}}},
		"mq_broker": {attrs: map[string]attr{"tags": {kind: dict}},
			blocks: map[string]block{"user": {set: true, attrs: map[string]attr{"username": {kind: text}, "password": {kind: text, sensitive: true}}}}},
		"lb_listener": {attrs: map[string]attr{"protocol": {kind: text}},
			blocks: map[string]block{"action": {attrs: map[string]attr{"type": {kind: text}, "target": {kind: text}},
				blocks: map[string]block{"header": {attrs: map[string]attr{"name": {kind: text}, "value": {kind: text}}}}}}},
		"ecs_task_definition": {attrs: map[string]attr{"container_definitions": {kind: text}}},
	},
	"google": {
		"compute_firewall": {attrs: map[string]attr{"source_ranges": {kind: set}, "disabled": {kind: boolean}},
			blocks: map[string]block{"allow": {attrs: map[string]attr{"protocol": {kind: text}, "ports": {kind: list}}}}},
		"storage_bucket": {attrs: map[string]attr{"public_access_prevention": {kind: text}, "labels": {kind: dict}, "location": {kind: text, replace: true}}},
	},
	"azurerm": {
		"storage_account": {attrs: map[string]attr{"allow_nested_items_to_be_public": {kind: boolean}, "min_tls_version": {kind: text}, "tags": {kind: dict},
			"resource_id": {kind: text}, "location": {kind: text}}},
	},
	"kubernetes": {
		"deployment": {blocks: map[string]block{
			"metadata": {attrs: map[string]attr{"labels": {kind: dict}, "annotations": {kind: dict}}},
			"spec":     {attrs: map[string]attr{"replicas": {kind: text}, "image": {kind: text}}}}},
		"secret": {attrs: map[string]attr{"data": {kind: dict, sensitive: true}}},
	},
	"cloudflare": {
		"record": {attrs: map[string]attr{"content": {kind: text}, "proxied": {kind: boolean}, "modified_on": {kind: text, computed: true}}},
	},
	"github": {
		"repository":        {attrs: map[string]attr{"visibility": {kind: text}, "topics": {kind: set}, "description": {kind: text}}},
		"branch_protection": {attrs: map[string]attr{"enforce_admins": {kind: boolean}}},
	},
}
