import { Outlet } from "react-router";
import { check } from "./check.server.js";

export const middleware = [check];

export default function Root() {
  return (
    <html lang="en">
      <body>
        <Outlet />
      </body>
    </html>
  );
}
