ALTER TABLE `apps` ADD `reads_changes` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `connections` ADD `review_position` text;--> statement-breakpoint
ALTER TABLE `connections` ADD `next_review_at` integer;--> statement-breakpoint
ALTER TABLE `connections` ADD `change_seq` integer;--> statement-breakpoint
ALTER TABLE `connections` ADD `recent_changes` text;--> statement-breakpoint
CREATE INDEX `connections_review` ON `connections` (`next_review_at`) WHERE next_review_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `connections_changed` ON `connections` (`app_id`,`change_seq`) WHERE change_seq IS NOT NULL;