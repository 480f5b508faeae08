/** This program's version; the build takes it from package.json, and the development tree has none. */
export const VERSION = process.env['MUSHU_BUILD_VERSION'] ?? '0.0.0-dev';
