"""Delegated and application permissions as Entra knows them: which exist, and who may consent to them.

Which routes they open is in `scopes`. Sources: Microsoft Graph permissions reference; Microsoft: Manage app
consent policies (the list of the restrictive default policy).
"""

from __future__ import annotations

from urllib.parse import unquote

from .aadsts import EntraError

OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"
GRAPH_RESOURCES = ("https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us",
                   "https://microsoftgraph.chinacloudapi.cn", GRAPH_APP_ID)  # fmt: skip

TITLES = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Keep access to data you have given it access to",
    "User.Read": "Sign you in and read your profile",
    "User.ReadWrite": "Read and update your profile",
    "User.ReadBasic.All": "Read the basic profiles of all users",
    "User.Read.All": "Read the full profiles of all users",
    "User.ReadWrite.All": "Read and write the full profiles of all users",
    "User.DeleteRestore.All": "Delete and restore users",
    "User.RevokeSessions.All": "Sign users out everywhere",
    "User.Invite.All": "Invite guests",
    "ProfilePhoto.Read.All": "Read the photos of users and groups",
    "ProfilePhoto.ReadWrite.All": "Read and write the photos of users and groups",
    "Presence.Read": "Read your presence",
    "Presence.Read.All": "Read the presence of all users",
    "Presence.ReadWrite": "Read and write your presence",
    "Presence.ReadWrite.All": "Read and write the presence of all users",
    "Directory.Read.All": "Read directory data",
    "Directory.ReadWrite.All": "Read and write directory data",
    "Organization.Read.All": "Read information about your organisation",
    "Organization.ReadWrite.All": "Read and write information about your organisation",
    "LicenseAssignment.Read.All": "Read licence assignments",
    "LicenseAssignment.ReadWrite.All": "Manage licence assignments",
    "GroupMember.ReadBasic.All": "Read basic group memberships",
    "GroupMember.Read.All": "Read group memberships",
    "GroupMember.ReadWrite.All": "Read and write group memberships",
    "Group-Conversation.Read.All": "Read group conversations",
    "Group-Conversation.ReadWrite.All": "Read and write group conversations",
    "Group.Create": "Create groups",
    "Group.ReadBasic.All": "Read the basic properties of all groups",
    "Group.Read.All": "Read all groups",
    "Group.ReadWrite.All": "Read and write all groups",
    "Mail.ReadBasic": "Read your mail without bodies",
    "Mail.ReadBasic.Shared": "Read mail shared with you, without bodies",
    "Mail.ReadBasic.All": "Read all mail without bodies",
    "Mail.Read": "Read your mail",
    "Mail.Read.Shared": "Read mail you can access",
    "Mail.ReadWrite": "Read and write your mail",
    "Mail.ReadWrite.Shared": "Read and write mail you can access",
    "Mail.Send": "Send mail as you",
    "Mail.Send.Shared": "Send mail on behalf of others",
    "MailboxSettings.Read": "Read your mailbox settings",
    "MailboxSettings.ReadWrite": "Read and write your mailbox settings",
    "MailboxFolder.Read": "Read your mailbox folders",
    "MailboxFolder.ReadWrite": "Read and write your mailbox folders",
    "MailboxItem.Read": "Read your mailbox items",
    "Calendars.ReadBasic": "Read basic details of your calendars",
    "Calendars.ReadBasic.All": "Read basic details of all calendars",
    "Calendars.Read": "Read your calendars",
    "Calendars.Read.Shared": "Read calendars you can access",
    "Calendars.ReadWrite": "Have full access to your calendars",
    "Calendars.ReadWrite.Shared": "Read and write calendars you can access",
    "Contacts.Read": "Read your contacts",
    "Contacts.Read.Shared": "Read contacts you can access",
    "Contacts.ReadWrite": "Have full access to your contacts",
    "Contacts.ReadWrite.Shared": "Read and write contacts you can access",
    "Tasks.Read": "Read your tasks",
    "Tasks.Read.All": "Read all users' tasks",
    "Tasks.Read.Shared": "Read tasks shared with you",
    "Tasks.ReadWrite": "Create, read, update and delete your tasks",
    "Tasks.ReadWrite.All": "Read and write all users' tasks",
    "Tasks.ReadWrite.Shared": "Read and write tasks shared with you",
    "Files.Read": "Read your files",
    "Files.Read.All": "Read all files you can access",
    "Files.ReadWrite": "Have full access to your files",
    "Files.ReadWrite.All": "Have full access to all files you can access",
    "Sites.Read.All": "Read items in all site collections",
    "Sites.ReadWrite.All": "Edit items in all site collections",
    "Sites.Manage.All": "Create, edit and delete items and lists in all site collections",
    "Sites.FullControl.All": "Have full control of all site collections",
    "Sites.Selected": "Access selected site collections",
    "Chat.Read": "Read your chats",
    "Chat.ReadWrite": "Read and write your chats",
    "OnlineMeetings.Read": "Read your online meetings",
    "OnlineMeetings.ReadWrite": "Read and create your online meetings",
    "OnlineMeetings.Read.All": "Read all online meetings",
    "OnlineMeetings.ReadWrite.All": "Read and create all online meetings",
    "OnlineMeetingArtifact.Read.All": "Read who took part in your online meetings",
    "OnlineMeetingRecording.Read.All": "Read the recordings of online meetings",
    "OnlineMeetingTranscript.Read.All": "Read the transcripts of online meetings",
    "Place.Read.All": "Read all places of your organisation",
    "Place.ReadWrite.All": "Read and write all places of your organisation",
    "People.Read": "Read your relevant people",
    "People.Read.All": "Read all users' relevant people",
}
"""All permissions that exist, with what the consent page says."""

ADMIN_ONLY = frozenset({
    "User.Read.All", "User.ReadWrite.All", "User.DeleteRestore.All", "User.RevokeSessions.All",
    "Directory.Read.All", "Directory.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All",
    "GroupMember.Read.All", "Group.Read.All", "Group.ReadWrite.All", "Calendars.ReadBasic",
    "Group.ReadBasic.All",
    "GroupMember.ReadBasic.All", "GroupMember.ReadWrite.All", "Group-Conversation.Read.All",
    "Group-Conversation.ReadWrite.All", "User.Invite.All", "ProfilePhoto.Read.All",
    "ProfilePhoto.ReadWrite.All",
    "MailboxFolder.Read", "MailboxFolder.ReadWrite", "MailboxItem.Read", "Sites.FullControl.All",
    "People.Read.All", "Place.Read.All", "Place.ReadWrite.All", "OnlineMeetingRecording.Read.All",
    "OnlineMeetingTranscript.Read.All",
})  # fmt: skip
"""Delegated permissions that only an admin can grant, in every company."""

_FREE_UNDER_RESTRICTION = frozenset({
    "User.Read", "User.ReadWrite", "User.ReadBasic.All", "Mail.Send", "Contacts.Read", "Files.Read",
    "Files.ReadWrite", "Sites.Selected",
})  # fmt: skip

_BY_FOLDED_NAME = {name.casefold(): name for name in TITLES}


def needs_admin(scope: str, consent_policy: str) -> bool:
    """Whether an ordinary user cannot consent to this scope under the consent policy of the company."""
    if scope in OPENID_SCOPES:
        return False
    restricted = consent_policy == "restrictive" and scope not in _FREE_UNDER_RESTRICTION
    return scope in ADMIN_ONLY or restricted


def parse_scopes(text: str, own_origin: str, default: list[str]) -> list[str]:
    """The scopes of a request as names of permissions, in order; `.default` becomes the registered ones.

    Raises EntraError: 70011 for unknown names or `.default` beside others, 500011 for another resource.
    """
    names: list[str] = []
    has_default = False
    for word in text.split():
        name = _without_resource(unquote(word), own_origin)
        if name == ".default":
            has_default = True
            continue
        known = _BY_FOLDED_NAME.get(name.casefold())
        if known is None:
            raise EntraError(70011, f"The value of the input parameter 'scope' is not valid: {word}.")
        if known not in names:
            names.append(known)
    if has_default:
        if set(names) - OPENID_SCOPES:
            raise EntraError(70011, "The scope .default cannot be combined with resource-specific scopes.")
        names += [name for name in default if name not in names]
    return names


def asks_for_default(text: str) -> bool:
    """Whether the scope parameter asks for `.default`."""
    return any(word.endswith("/.default") or word == ".default" for word in text.split())


def _without_resource(scope: str, own_origin: str) -> str:
    for resource in (*GRAPH_RESOURCES, own_origin):
        if scope.casefold().startswith(f"{resource.casefold()}/"):
            return scope[len(resource) :].lstrip("/")
    if "://" in scope:
        raise EntraError(500011, f"The resource of scope {scope} was not found in the tenant.")
    return scope


def written(scopes: list[str], form: str, graph: str) -> str:
    """Scopes as a token answer shows them; `form` is the switch `token_scope_form`, `graph` Graph's host."""
    shown: list[str] = []
    for scope in scopes:
        uri = scope if scope in OPENID_SCOPES else f"{graph}/{scope}"
        encoded = uri.replace(":", "%3A").replace("/", "%2F")
        shown.append({"uri": uri, "encoded": encoded, "shouting": scope.upper()}.get(form, scope))
    return " ".join(shown)
