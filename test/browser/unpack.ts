/** Unpacks the package's Chromium into the temporary folder, which `chromium.ts` decides. */
import chromium from '@sparticuz/chromium';

await chromium.executablePath();
