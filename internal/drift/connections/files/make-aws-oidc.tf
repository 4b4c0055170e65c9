# An IAM role that trusts the identity tokens of {{.Server}}, with which it reads what Terraform manages, to
# find drift. Nobody keeps a key: each scan has a token of its own.
#
#   terraform init && terraform apply
#   terraform output role        # the infra_role of the connection

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "issuer" {
  description = "Address of the server that scans, as its users know it. AWS must be able to reach it."
  type        = string{{if .Issuer}}
  default     = "{{.Issuer}}"{{end}}
}

{{template "oidc-organization" .}}

variable "audience" {
  type    = string
  default = "aws.workload.identity"
}

variable "schedule" {
  description = "Id of the schedule that may use the role, \"*\" for all of the organization."
  type        = string
  default     = "*"
}

variable "role_name" {
  type    = string
  default = "tfstatecom-plumbline"
}

{{template "aws-narrow-variables" .}}

data "aws_partition" "current" {}

resource "aws_iam_openid_connect_provider" "server" {
  url            = var.issuer
  client_id_list = [var.audience]
}

locals {
  host = trimprefix(var.issuer, "https://")
}

# The test of the connection has "test" in the place of a schedule and a folder.
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.server.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:aud"
      values   = [var.audience]
    }
    condition {
      test     = "StringLike"
      variable = "${local.host}:sub"
      values = distinct([
        "organization:${var.organization}:config:${var.schedule}:folder:*:run_phase:plan",
        "organization:${var.organization}:config:test:folder:test:run_phase:plan",
      ])
    }
  }
}

resource "aws_iam_role" "scan" {
  name                 = var.role_name
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

{{template "aws-narrow" .}}
