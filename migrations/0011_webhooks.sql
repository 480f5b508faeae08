CREATE TABLE `events` (
	`app_id` text NOT NULL,
	`seq` integer NOT NULL,
	`id` text NOT NULL,
	`type` text NOT NULL,
	`connection_id` integer,
	`user_id` text,
	`at` integer NOT NULL,
	`detail` text NOT NULL,
	PRIMARY KEY(`app_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `webhook_endpoints` (
	`app_id` text NOT NULL,
	`id` text NOT NULL,
	`url` text NOT NULL,
	`description` text NOT NULL,
	`event_types` text,
	`payload` text NOT NULL,
	`secret_sealed` text NOT NULL,
	`previous_secret_sealed` text,
	`previous_secret_until` integer,
	`created_at` integer NOT NULL,
	`disabled_at` integer,
	`disabled_reason` text,
	`delivered_seq` integer NOT NULL,
	`due_at` integer,
	`lease_id` text,
	`lease_until` integer,
	`failing_since` integer,
	`failures` integer DEFAULT 0 NOT NULL,
	`attempts` text DEFAULT '[]' NOT NULL,
	PRIMARY KEY(`app_id`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `webhook_endpoints_due` ON `webhook_endpoints` (`due_at`) WHERE due_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `webhook_retries` (
	`endpoint_id` text NOT NULL,
	`seq` integer NOT NULL,
	`failures` integer NOT NULL,
	`next_at` integer NOT NULL,
	PRIMARY KEY(`endpoint_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `apps` ADD `records_events` integer DEFAULT false NOT NULL;