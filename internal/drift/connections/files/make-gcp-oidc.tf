# A workload identity provider that trusts the identity tokens of {{.Server}}, and a service account that reads
# what Terraform manages, to find drift. Nobody keeps a key: each scan has a token of its own.
#
#   terraform init && terraform apply
#   terraform output provider           # the infra_provider of the connection
#   terraform output service_account    # its infra_service_account

terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

variable "project" {
  type = string
}

variable "issuer" {
  description = "Address of the server that scans, as its users know it. Google must be able to reach it."
  type        = string{{if .Issuer}}
  default     = "{{.Issuer}}"{{end}}
}

{{template "oidc-organization" .}}

{{template "gcp-state-variable"}}

variable "deny_secrets" {
  description = "Deny the values of secrets and decryption, whatever else the account is allowed one day. Who applies this needs the role Deny Admin at the organization."
  type        = bool
  default     = true
}

resource "google_service_account" "scan" {
  project      = var.project
  account_id   = "tfstatecom-plumbline-oidc"
  display_name = "Reads for drift detection"
}

{{template "gcp-read"}}

resource "google_iam_deny_policy" "narrow" {
  count  = var.deny_secrets ? 1 : 0
  parent = urlencode("cloudresourcemanager.googleapis.com/projects/${var.project}")
  name   = "tfstatecom-plumbline"
  rules {
    deny_rule {
      denied_principals = ["principal://iam.googleapis.com/projects/-/serviceAccounts/${google_service_account.scan.email}"]
      denied_permissions = [
        "secretmanager.googleapis.com/versions.access",
        "cloudkms.googleapis.com/cryptoKeyVersions.useToDecrypt",
      ]
    }
  }
}

resource "google_iam_workload_identity_pool" "scan" {
  project                   = var.project
  workload_identity_pool_id = "tfstatecom-plumbline-oidc"
}

# The subject is the schedule's id: that of a token can be longer than the 127 bytes that Google takes.
resource "google_iam_workload_identity_pool_provider" "server" {
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.scan.workload_identity_pool_id
  workload_identity_pool_provider_id = "plumbline"
  attribute_mapping = {
    "google.subject"         = "assertion.plumbline_schedule_id"
    "attribute.organization" = "assertion.terraform_organization_name"
  }
  attribute_condition = "assertion.sub.startsWith('organization:${var.organization}:config:')"
  oidc {
    issuer_uri = var.issuer
  }
}

resource "google_service_account_iam_member" "act" {
  service_account_id = google_service_account.scan.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.scan.name}/attribute.organization/${var.organization}"
}

output "provider" {
  value = google_iam_workload_identity_pool_provider.server.name
}

output "service_account" {
  value = google_service_account.scan.email
}
