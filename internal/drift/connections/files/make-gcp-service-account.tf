# A service account whose key {{.Server}} uses to read what Terraform manages, to find drift. Prefer a workload
# identity (make-gcp-role-service-account.tf) where the server has an AWS identity: a key does not expire.
#
#   terraform init && terraform apply
#   terraform output -raw service_account_key_json    # the infra_credentials of the connection

terraform {
  required_providers {
    google = { source = "hashicorp/google" }
  }
}

variable "project" {
  type = string
}

{{template "gcp-state-variable"}}

resource "google_service_account" "scan" {
  project      = var.project
  account_id   = "tfstatecom-plumbline"
  display_name = "Reads for drift detection"
}

{{template "gcp-read"}}

resource "google_service_account_key" "scan" {
  service_account_id = google_service_account.scan.name
}

output "service_account_key_json" {
  value     = base64decode(google_service_account_key.scan.private_key)
  sensitive = true
}
