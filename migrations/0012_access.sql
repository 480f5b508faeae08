CREATE TABLE `erased_users` (
	`app_id` text NOT NULL,
	`user_hash` text NOT NULL,
	`epoch` text NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`app_id`, `user_hash`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `erased_users_by_expiry` ON `erased_users` (`expires_at`);--> statement-breakpoint
CREATE INDEX `api_keys_by_state` ON `api_keys` (`app_id`,`revoked_at`,`id`);--> statement-breakpoint
CREATE INDEX `access_tokens_by_state` ON `access_tokens` (`account_id`,`revoked_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `audit_entries_of_exports` ON `audit_entries` (`id`) WHERE action = 'user.exported';