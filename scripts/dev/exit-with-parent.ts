/**
 * Loaded before a child's own code (`node --import`): ends it when the parent is gone. The channel to the parent closes
 * even if the parent was killed.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
