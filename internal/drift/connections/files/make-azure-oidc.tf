# An application of Microsoft Entra that trusts the identity tokens of {{.Server}}, and reads what Terraform
# manages, to find drift. Nobody keeps a secret: each scan has a token of its own.
#
#   terraform init && terraform apply
#   terraform output    # the infra_tenant_id, infra_client_id and infra_subscription_id of the connection

terraform {
  required_providers {
    azuread = { source = "hashicorp/azuread", version = ">= 3.2" }
    azurerm = { source = "hashicorp/azurerm" }
  }
}

provider "azurerm" {
  features {}
}

variable "issuer" {
  description = "Address of the server that scans, as its users know it. Azure must be able to reach it."
  type        = string{{if .Issuer}}
  default     = "{{.Issuer}}"{{end}}
}

{{template "oidc-organization" .}}

variable "state_container" {
  description = "Resource id of the storage container with the states, \"\" if they are elsewhere."
  type        = string
  default     = ""
}

data "azurerm_subscription" "current" {}

resource "azuread_application" "scan" {
  display_name = "tfstatecom-plumbline"
}

resource "azuread_service_principal" "scan" {
  client_id = azuread_application.scan.client_id
}

# One credential for all schedules and folders of the organization, and for the test of the connection.
resource "azuread_application_flexible_federated_identity_credential" "server" {
  application_id             = azuread_application.scan.id
  display_name               = "plumbline"
  issuer                     = var.issuer
  audience                   = "api://AzureADTokenExchange"
  claims_matching_expression = "claims['sub'] matches 'organization:${var.organization}:config:*:folder:*:run_phase:plan'"
}

# Reader sees resources and neither keys, secrets nor what is stored.
resource "azurerm_role_assignment" "read" {
  scope                = data.azurerm_subscription.current.id
  role_definition_name = "Reader"
  principal_id         = azuread_service_principal.scan.object_id
}

resource "azurerm_role_assignment" "state" {
  count                = var.state_container == "" ? 0 : 1
  scope                = var.state_container
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azuread_service_principal.scan.object_id
}

output "tenant_id" {
  value = data.azurerm_subscription.current.tenant_id
}

output "client_id" {
  value = azuread_application.scan.client_id
}

output "subscription_id" {
  value = data.azurerm_subscription.current.subscription_id
}
