# A workload identity with which {{.Server}}, which has an AWS identity, acts as a service account that
# reads what Terraform manages, to find drift.
#
#   terraform init && terraform apply
#   terraform output -raw service_account_credentials_json    # the infra_workload of the connection

terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

variable "project" {
  type = string
}

variable "aws_account" {
  description = "AWS account of the server that scans."
  type        = string{{if .Account}}
  default     = "{{.Account}}"{{end}}
}

variable "aws_role" {
  description = "Name of the AWS role of the server that scans."
  type        = string{{if .Role}}
  default     = "{{.Role}}"{{end}}
}

{{template "gcp-state-variable"}}

data "google_project" "this" {
  project_id = var.project
}

resource "google_service_account" "scan" {
  project      = var.project
  account_id   = "tfstatecom-plumbline"
  display_name = "Reads for drift detection"
}

{{template "gcp-read"}}

# The server takes a provider for the organization that names it first, and for no other.
resource "google_iam_workload_identity_pool" "scan" {
  project                   = var.project
  workload_identity_pool_id = "tfstatecom-plumbline"
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.scan.workload_identity_pool_id
  workload_identity_pool_provider_id = "aws"
  attribute_mapping = {
    "google.subject"     = "assertion.arn"
    "attribute.aws_role" = "assertion.arn.extract('assumed-role/{role}/')"
  }
  attribute_condition = "attribute.aws_role == '${var.aws_role}'"
  aws {
    account_id = var.aws_account
  }
}

resource "google_service_account_iam_member" "act" {
  service_account_id = google_service_account.scan.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.scan.name}/attribute.aws_role/${var.aws_role}"
}

output "service_account_credentials_json" {
  value = jsonencode({
    type                              = "external_account"
    universe_domain                   = "googleapis.com"
    audience                          = "//iam.googleapis.com/${google_iam_workload_identity_pool_provider.aws.name}"
    subject_token_type                = "urn:ietf:params:aws:token-type:aws4_request"
    token_url                         = "https://sts.googleapis.com/v1/token"
    service_account_impersonation_url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${google_service_account.scan.email}:generateAccessToken"
    credential_source = {
      environment_id                 = "aws1"
      region_url                     = "http://169.254.169.254/latest/meta-data/placement/availability-zone"
      url                            = "http://169.254.169.254/latest/meta-data/iam/security-credentials"
      regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    }
  })
}
