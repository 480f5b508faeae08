ALTER TABLE `connections` ADD `refresh_refused_since` integer;--> statement-breakpoint
ALTER TABLE `connections` ADD `sync_failures` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `connections` ADD `sync_refused_since` integer;--> statement-breakpoint
CREATE INDEX `connections_failing` ON `connections` (`app_id`,`user_id`) WHERE is_current = 1 AND (sync_failures > 0 OR refresh_failures > 0);