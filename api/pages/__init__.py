"""Pages made on the server: sign-in, the console's shell, and the client's answer page, which needs no script."""
