/**
 * Shown briefly to a browser that followed another site's link. Such a request lacks the session's cookie. The reload
 * by this page has it.
 */
export const sameSiteReloadPage = (path: string) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <title>Mushu Health</title>
    </head>
    <body>
      <p>
        <a href={path}>Go on to the dashboard</a>
      </p>
    </body>
  </html>
);
