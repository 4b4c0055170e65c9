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

variable "state_bucket" {
  description = "Storage bucket with the states, \"\" if they are elsewhere."
  type        = string
  default     = ""
}

resource "google_service_account" "scan" {
  project      = var.project
  account_id   = "tfstatecom-plumbline"
  display_name = "Reads for drift detection"
}

resource "google_project_iam_member" "read" {
  for_each = toset(["roles/viewer", "roles/iam.securityReviewer"])
  project  = var.project
  role     = each.key
  member   = "serviceAccount:${google_service_account.scan.email}"
}

resource "google_storage_bucket_iam_member" "state" {
  count  = var.state_bucket == "" ? 0 : 1
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:${google_service_account.scan.email}"
}

resource "google_service_account_key" "scan" {
  service_account_id = google_service_account.scan.name
}

output "service_account_key_json" {
  value     = base64decode(google_service_account_key.scan.private_key)
  sensitive = true
}
