ALTER TABLE `connections` ADD `sync_history` text;--> statement-breakpoint
ALTER TABLE `connections` ADD `history_complete_from` integer;