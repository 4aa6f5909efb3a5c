// What operations made of a group chat, in sentences: `who` did it, `whom` it happened to. "You" stands for oneself.

interface Told {
  readonly who: string;
  readonly whom: string;
  readonly isOwnWhom: boolean; // it happened to oneself
  readonly role: number;
  readonly title: string;
}

const ROLES = ["a member", "an admin", "an owner"];

export function systemSentence(name: string, { who, whom, isOwnWhom, role, title }: Told): string {
  const you = isOwnWhom ? "you" : whom;
  switch (name) {
    case "created":
      return `${who} made this group.`;
    case "added":
      return `${who} added ${you}.`;
    case "removed":
      return isOwnWhom ? `You were removed by ${who}.` : `${who} removed ${you}.`;
    case "refused":
      return `${who} did not let ${you} in.`;
    case "left":
      return `${whom} left.`;
    case "withdrew":
      return `${whom} ${isOwnWhom ? "do" : "does"} not wait to be let in any more.`;
    case "joined":
      return `${whom} joined by a link.`;
    case "asked":
      return `${whom} ${isOwnWhom ? "ask" : "asks"} to be let in.`;
    case "approved":
      return `${who} let ${you} in.`;
    case "role":
      return `${who} ${who === whom ? "became" : `made ${you}`} ${ROLES[role] ?? ROLES[0] ?? ""}.`;
    case "title":
      return title === "" ? `${who} changed the group's name.` : `${who} named the group “${title}”.`;
    case "link_made":
      return `${who} made a link to this group.`;
    case "link_ended":
      return `${who} ended a link to this group.`;
    case "out":
      return "You are not in this group any more. What you have stays here.";
    default:
      return `${who} changed the group's settings.`;
  }
}
