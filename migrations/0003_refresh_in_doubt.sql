DROP INDEX `connections_due`;--> statement-breakpoint
ALTER TABLE `connections` ADD `in_doubt_since` integer;--> statement-breakpoint
CREATE INDEX `connections_in_doubt` ON `connections` (`next_refresh_at`) WHERE in_doubt_since IS NOT NULL;--> statement-breakpoint
CREATE INDEX `connections_due` ON `connections` (`next_refresh_at`) WHERE next_refresh_at IS NOT NULL AND in_doubt_since IS NULL;