DROP INDEX `connections_by_state`;--> statement-breakpoint
ALTER TABLE `connections` ADD `is_demo` integer DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX `connections_by_state` ON `connections` (`app_id`,`state`,`user_id`,`is_demo`) WHERE is_current = 1;--> statement-breakpoint
ALTER TABLE `apps` ADD `demo_account` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `pending_connections` ADD `is_demo` integer DEFAULT false NOT NULL;