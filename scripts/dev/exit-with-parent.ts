/**
 * Loaded before a child's own code (`node --import`): ends it when the parent is gone, however the parent went. The channel to the parent
 * closes even when that was killed and could tell nobody.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
