/** The version from package.json, set by the build. */
export const VERSION = process.env['MUSHU_BUILD_VERSION'] ?? '0.0.0-dev';
