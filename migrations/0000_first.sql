CREATE TABLE `access_tokens` (
	`hash` text PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`hint` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	`revoked_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_by_account` ON `access_tokens` (`account_id`,`id`);--> statement-breakpoint
CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL,
	`disabled_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `api_keys` (
	`hash` text PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`app_id` text NOT NULL,
	`name` text NOT NULL,
	`hint` text NOT NULL,
	`scopes` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`revoked_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_by_app` ON `api_keys` (`app_id`,`id`);--> statement-breakpoint
CREATE TABLE `apps` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`link_policy` text DEFAULT 'open' NOT NULL,
	`allow_loopback` integer DEFAULT false NOT NULL,
	`disabled_at` integer,
	`account_id` text,
	`refuse_browser_keys` integer DEFAULT false NOT NULL,
	`shared_accounts` text DEFAULT 'allow' NOT NULL,
	`created_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `audit_entries` (
	`app_id` text NOT NULL,
	`at` integer NOT NULL,
	`id` text NOT NULL,
	`actor` text NOT NULL,
	`surface` text NOT NULL,
	`action` text NOT NULL,
	`subject` text NOT NULL,
	`detail` text NOT NULL,
	PRIMARY KEY(`app_id`, `at`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `broker_state` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL,
	`updated_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `claims` (
	`expires_at` integer NOT NULL,
	`id` text NOT NULL,
	`outcome` text,
	PRIMARY KEY(`expires_at`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `connections` (
	`id` integer PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`user_id` text NOT NULL,
	`withings_user_id` text NOT NULL,
	`is_current` integer NOT NULL,
	`state` text NOT NULL,
	`state_reason` text,
	`state_since` integer NOT NULL,
	`scope` text NOT NULL,
	`created_at` integer NOT NULL,
	`access_token_sealed` text,
	`refresh_token_sealed` text,
	`previous_refresh_token_sealed` text,
	`token_version` integer NOT NULL,
	`access_expires_at` integer NOT NULL,
	`refreshed_at` integer NOT NULL,
	`rotation_id` text,
	`refresh_lease_id` text,
	`refresh_lease_until` integer,
	`next_refresh_at` integer,
	`refresh_failures` integer DEFAULT 0 NOT NULL,
	`last_failure_kind` text,
	`last_failure_at` integer,
	`last_used_at` integer,
	`sync_lease_id` text,
	`sync_lease_until` integer,
	`sync_cursor_seconds` integer DEFAULT 0 NOT NULL,
	`sync_resume` text,
	`sync_resume_at` integer,
	`recent_questions` text DEFAULT '[]' NOT NULL,
	`last_sync_at` integer,
	`last_sync_result` text,
	`data_version` integer DEFAULT 0 NOT NULL,
	`time_zone` text DEFAULT 'UTC' NOT NULL,
	`timeline` text DEFAULT '[]' NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `connections_by_account` ON `connections` (`app_id`,`user_id`,`withings_user_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `connections_current` ON `connections` (`app_id`,`user_id`) WHERE is_current = 1;--> statement-breakpoint
CREATE INDEX `connections_due` ON `connections` (`next_refresh_at`) WHERE next_refresh_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `connections_resume` ON `connections` (`sync_resume_at`) WHERE sync_resume_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `connections_by_withings_user` ON `connections` (`withings_user_id`,`app_id`);--> statement-breakpoint
CREATE TABLE `dashboard_sessions` (
	`id_hash` text PRIMARY KEY NOT NULL,
	`account_id` text,
	`token_hash` text,
	`created_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`expires_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `dashboard_sessions_by_expiry` ON `dashboard_sessions` (`expires_at`);--> statement-breakpoint
CREATE INDEX `dashboard_sessions_by_account` ON `dashboard_sessions` (`account_id`);--> statement-breakpoint
CREATE TABLE `groups` (
	`connection_id` integer NOT NULL,
	`group_id` integer NOT NULL,
	`measured_seconds` integer NOT NULL,
	`created_seconds` integer NOT NULL,
	`modified_seconds` integer NOT NULL,
	`source_id` integer NOT NULL,
	`ambiguous` integer NOT NULL,
	`content` text NOT NULL,
	`stored_at` integer NOT NULL,
	`missing_since` integer,
	PRIMARY KEY(`connection_id`, `group_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `measurements` (
	`connection_id` integer NOT NULL,
	`type` integer NOT NULL,
	`position` integer NOT NULL,
	`ambiguous` integer NOT NULL,
	`measured_seconds` integer NOT NULL,
	`group_id` integer NOT NULL,
	`value` real NOT NULL,
	`source_id` integer NOT NULL,
	PRIMARY KEY(`connection_id`, `type`, `position`, `ambiguous`, `measured_seconds`, `group_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `pending_connections` (
	`ticket_hash` text PRIMARY KEY NOT NULL,
	`app_id` text NOT NULL,
	`user_id` text NOT NULL,
	`withings_user_id` text NOT NULL,
	`connection_id` integer NOT NULL,
	`scope` text NOT NULL,
	`access_token_sealed` text NOT NULL,
	`refresh_token_sealed` text NOT NULL,
	`access_expires_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `pending_by_user` ON `pending_connections` (`app_id`,`user_id`);--> statement-breakpoint
CREATE INDEX `pending_by_expiry` ON `pending_connections` (`expires_at`);--> statement-breakpoint
CREATE TABLE `redirect_uris` (
	`app_id` text NOT NULL,
	`id` text NOT NULL,
	`uri` text NOT NULL,
	`warnings` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`app_id`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `redirect_uris_by_uri` ON `redirect_uris` (`app_id`,`uri`);--> statement-breakpoint
CREATE TABLE `request_budgets` (
	`name` text PRIMARY KEY NOT NULL,
	`empty_at` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `sources` (
	`connection_id` integer NOT NULL,
	`id` integer NOT NULL,
	`attrib` integer NOT NULL,
	`device_hash` text,
	`model` text,
	`model_id` integer,
	`time_zone` text NOT NULL,
	PRIMARY KEY(`connection_id`, `id`)
) WITHOUT ROWID;
