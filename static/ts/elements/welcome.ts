// The first thing that somebody without a chat sees.

import { html, type TemplateResult } from "lit";
import "./copy_button";
import { icons } from "./icons";
import type { ChatPage } from "./state/page";
import { words } from "./words";

export function welcome(page: ChatPage, find: () => void): TemplateResult {
  const { username } = page.options;
  const said = words.welcome;
  return html`<div class="welcome">
    <h2>${said.title(username)}</h2>
    <p class="quiet">${said.text}</p>
    <ul class="welcome-steps">
      <li>
        ${icons.write}
        <h3>${said.writeTitle}</h3>
        <p>${said.writeText}</p>
        <button class="button" type="button" @click=${find}>${said.writeAction}</button>
      </li>
      <li>
        ${icons.person}
        <h3>${said.shareTitle}</h3>
        <p>${said.shareText}</p>
        <div class="welcome-name">
          <strong><bdi>${username}</bdi></strong>
          <copy-button .text=${username} .label=${said.copy}></copy-button>
        </div>
      </li>
      <li>
        ${icons.verified}
        <h3>${said.safeTitle}</h3>
        <p>${said.safeText}</p>
      </li>
    </ul>
  </div>`;
}
