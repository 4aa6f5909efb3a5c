// The chat page: puts the app where the server painted its outline, and gives it the client.

import { connectMessenger } from "../client/remote";
import { mount } from "../elements/mount";
import { allowOwnScripts } from "./trusted_types";

allowOwnScripts();
mount(connectMessenger());
