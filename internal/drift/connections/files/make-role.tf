# The IAM role with which {{.Server}} reads what Terraform manages, to find drift.
#
#   terraform init && terraform apply
#   terraform output role        # the infra_role of the connection

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "principal" {
  description = "Identity of the server that scans: the ARN of its role or user, or its account."
  type        = string{{if .Principal}}
  default     = "{{.Principal}}"{{end}}
}

variable "external_id" {
  description = "External id of your organization. It keeps others who use the same server from using this role."
  type        = string{{if .ExternalID}}
  default     = "{{.ExternalID}}"{{end}}
}

variable "role_name" {
  type    = string
  default = "tfstatecom-plumbline"
}

{{template "aws-narrow-variables" .}}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [var.principal]
    }
    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

resource "aws_iam_role" "scan" {
  name                 = var.role_name
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

{{template "aws-narrow" .}}
