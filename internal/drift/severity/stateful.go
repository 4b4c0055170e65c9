package severity

import "strings"

// stateful are the types whose objects hold data that a replacement would lose.
const stateful = `aws_db_instance aws_rds_* aws_dynamodb_table aws_s3_bucket aws_efs_* aws_ebs_volume aws_elasticache_* aws_opensearch_domain
aws_redshift_* aws_docdb_* aws_neptune_* aws_msk_* aws_kinesis_stream aws_sqs_queue aws_kms_key aws_secretsmanager_secret aws_cognito_user_pool
aws_backup_vault google_sql_* google_storage_bucket google_bigquery_* google_spanner_* google_bigtable_* google_compute_disk google_filestore_*
google_redis_* google_kms_* google_secret_manager_secret google_pubsub_topic azurerm_*sql* azurerm_postgresql_* azurerm_mysql_*
azurerm_cosmosdb_* azurerm_storage_account azurerm_storage_container azurerm_managed_disk azurerm_key_vault* azurerm_redis_cache
azurerm_recovery_services_vault kubernetes_persistent_volume* kubernetes_namespace kubernetes_stateful_set* cloudflare_zone
cloudflare_r2_bucket cloudflare_d1_database github_repository`

// settings are types that match above and hold settings only.
const settings = `*_parameter_group *_subnet_group *_subnet_ids *_firewall_rule *_iam_* *_mount_target *_access_policy *_policy *_parameter *_configuration
*_access_point *_event_subscription *_virtual_network_rule *_auditing_policy *_user *_ssl_cert`

var statefulTypes, settingsTypes = globs(stateful), globs(settings)

func globs(list string) []glob {
	var out []glob
	for g := range strings.FieldsSeq(list) {
		out = append(out, strings.Split(g, "*"))
	}
	return out
}

// Stateful says whether objects of the type hold data.
func Stateful(typ string) bool { return matches(statefulTypes, typ) && !matches(settingsTypes, typ) }
