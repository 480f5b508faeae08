CREATE TABLE `subscriptions` (
	`withings_user_id` text PRIMARY KEY NOT NULL,
	`origin` text NOT NULL,
	`key_id` text,
	`missing` text,
	`verified_at` integer,
	`due_at` integer,
	`failures` integer DEFAULT 0 NOT NULL,
	`last_push_at` integer
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `subscriptions_due` ON `subscriptions` (`due_at`) WHERE due_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `waiting_pushes` (
	`withings_user_id` text PRIMARY KEY NOT NULL,
	`pushed_at` integer NOT NULL,
	`due_at` integer NOT NULL,
	`refreshes` integer NOT NULL,
	`claim_id` text,
	`attempts` integer DEFAULT 0 NOT NULL
) WITHOUT ROWID;
