# An IAM user whose key {{.Server}} uses to read what Terraform manages, to find drift. Prefer a role
# (make-role.tf) where the server has an AWS identity: a key does not expire.
#
#   terraform init && terraform apply
#   terraform output key_id             # the infra_key_id of the connection
#   terraform output -raw key_secret    # its infra_key_secret

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "user_name" {
  type    = string
  default = "tfstatecom-plumbline"
}

variable "state_bucket" {
  description = "S3 bucket with the states, \"\" if they are elsewhere."
  type        = string
  default     = ""
}

data "aws_partition" "current" {}

resource "aws_iam_user" "scan" {
  name = var.user_name
}

resource "aws_iam_user_policy_attachment" "read" {
  user       = aws_iam_user.scan.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/ReadOnlyAccess"
}

# What reading resources does not need. Remove a statement where a refresh is refused.
data "aws_iam_policy_document" "narrow" {
  statement {
    sid           = "NoObjectsButStates"
    effect        = "Deny"
    actions       = ["s3:GetObject*"]
    not_resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket == "" ? "no-bucket" : var.state_bucket}/*"]
  }
  statement {
    sid       = "NoSecrets"
    effect    = "Deny"
    actions   = ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "ssm:GetParameter*", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan"]
    resources = ["*"]
  }
}

resource "aws_iam_user_policy" "narrow" {
  name   = "narrow"
  user   = aws_iam_user.scan.name
  policy = data.aws_iam_policy_document.narrow.json
}

resource "aws_iam_access_key" "scan" {
  user = aws_iam_user.scan.name
}

output "key_id" {
  value = aws_iam_access_key.scan.id
}

output "key_secret" {
  value     = aws_iam_access_key.scan.secret
  sensitive = true
}
