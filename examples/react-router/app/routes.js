import { route } from "@react-router/dev/routes";

export default [route("zones", "routes/zones.js")];
