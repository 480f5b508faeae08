CREATE TABLE `group_kinds` (
	`connection_id` integer NOT NULL,
	`id` integer NOT NULL,
	`kinds` text NOT NULL,
	PRIMARY KEY(`connection_id`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
ALTER TABLE `groups` ADD `kinds_id` integer;--> statement-breakpoint
ALTER TABLE `groups` ADD `digest` integer;--> statement-breakpoint
INSERT OR IGNORE INTO `broker_state` (`name`, `value`, `updated_at`)
  SELECT 'compaction', '{"connectionId":0,"groupId":0}', 0 WHERE EXISTS (SELECT 1 FROM `groups`);
