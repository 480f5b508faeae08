ALTER TABLE `connections` ADD `activity` text DEFAULT '{}' NOT NULL;--> statement-breakpoint
CREATE INDEX `connections_by_state` ON `connections` (`app_id`,`state`,`user_id`) WHERE is_current = 1;