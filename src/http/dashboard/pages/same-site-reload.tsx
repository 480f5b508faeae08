/**
 * Shown for a moment to a browser that followed another site's link: such a request comes without the session's cookie, the one that this
 * page's reload makes comes with it.
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
