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

variable "state_bucket" {
  description = "S3 bucket with the states, \"\" if they are elsewhere."
  type        = string
  default     = ""
}

variable "state_kms_key_arn" {
  description = "KMS key of that bucket, \"\" if it has none of its own."
  type        = string
  default     = ""
}

variable "allow_objects" {
  description = "Read the content of objects in all buckets. Only aws_s3_object needs it."
  type        = bool
  default     = false
}

variable "allow_secrets" {
  description = "Read the values of secrets. Only aws_secretsmanager_secret_version needs it."
  type        = bool
  default     = false
}

variable "allow_parameters" {
  description = "Read the values of SSM parameters. Only aws_ssm_parameter needs it."
  type        = bool
  default     = false
}

variable "allow_decrypt" {
  description = "Decrypt with all KMS keys. Secure parameters and secrets may need it."
  type        = bool
  default     = false
}

variable "allow_items" {
  description = "Read the items of DynamoDB tables. Only aws_dynamodb_table_item needs it."
  type        = bool
  default     = false
}

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

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.scan.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/ReadOnlyAccess"
}

data "aws_iam_policy_document" "narrow" {
  dynamic "statement" {
    for_each = var.allow_objects ? [] : [1]
    content {
      sid           = "NoObjectsButStates"
      effect        = "Deny"
      actions       = ["s3:GetObject*"]
      not_resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket == "" ? "no-bucket" : var.state_bucket}/*"]
    }
  }
  dynamic "statement" {
    for_each = var.allow_secrets ? [] : [1]
    content {
      sid       = "NoSecrets"
      effect    = "Deny"
      actions   = ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"]
      resources = ["*"]
    }
  }
  dynamic "statement" {
    for_each = var.allow_parameters ? [] : [1]
    content {
      sid       = "NoParameters"
      effect    = "Deny"
      actions   = ["ssm:GetParameter*"]
      resources = ["*"]
    }
  }
  dynamic "statement" {
    for_each = var.allow_decrypt ? [] : [1]
    content {
      sid           = "NoDecryptionButStates"
      effect        = "Deny"
      actions       = ["kms:Decrypt"]
      not_resources = [var.state_kms_key_arn == "" ? "arn:${data.aws_partition.current.partition}:kms:::key/none" : var.state_kms_key_arn]
    }
  }
  dynamic "statement" {
    for_each = var.allow_items ? [] : [1]
    content {
      sid       = "NoItems"
      effect    = "Deny"
      actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PartiQLSelect"]
      resources = ["*"]
    }
  }
  dynamic "statement" {
    for_each = var.state_kms_key_arn == "" ? [] : [1]
    content {
      sid       = "DecryptStates"
      actions   = ["kms:Decrypt"]
      resources = [var.state_kms_key_arn]
    }
  }
  statement {
    sid       = "KnowOneself"
    actions   = ["sts:GetCallerIdentity"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "narrow" {
  name   = "narrow"
  role   = aws_iam_role.scan.id
  policy = data.aws_iam_policy_document.narrow.json
}

output "role" {
  value = aws_iam_role.scan.arn
}
