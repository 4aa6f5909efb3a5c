"""Paths below /api/v1/."""

from django.urls import path

from chats import api, services

urlpatterns = [
    path("messages", api.MessagesView.as_view(), name="messages"),
    path("messages/read", api.ReadView.as_view(), name="messages-read"),
    path("messages/statuses", api.StatusesView.as_view(), name="messages-statuses"),
    path("device-messages", api.DeviceMessagesView.as_view(), name="device-messages"),
    path("envelopes", api.EnvelopesView.as_view(), name="envelopes"),
    path("envelopes/ack", api.AckView.as_view(), name="envelopes-ack"),
    path("chats", api.ChatsView.as_view(), name="chats"),
    path("groups", api.GroupsView.as_view(), name="groups"),
    path("groups/<uuid:group>", api.GroupView.as_view(), name="group"),
    path("groups/<uuid:group>/accept", api.GroupAcceptView.as_view(), name="group-accept"),
    path("groups/<uuid:group>/messages", api.GroupMessagesView.as_view(), name="group-messages"),
    path("groups/<uuid:group>/operations", api.GroupOperationsView.as_view(), name="group-operations"),
    path("open-chats", api.OpenChatsView.as_view(), name="open-chats"),
    path("open-chats/search", api.OpenSearchView.as_view(), name="open-chats-search"),
    path("open-chats/<uuid:chat>", api.OpenChatView.as_view(), name="open-chat"),
    path("open-chats/<uuid:chat>/accept", api.OpenAcceptView.as_view(), name="open-chat-accept"),
    path("open-chats/<uuid:chat>/members", api.OpenMembersView.as_view(), name="open-chat-members"),
    path("open-chats/<uuid:chat>/members/<uuid:member>", api.OpenMemberView.as_view(), name="open-chat-member"),
    path("open-chats/<uuid:chat>/messages", api.OpenMessagesView.as_view(), name="open-chat-messages"),
    path("open-chats/<uuid:chat>/messages/<int:position>", api.OpenMessageView.as_view(), name="open-chat-message"),
    path("open-chats/<uuid:chat>/read", api.OpenReadView.as_view(), name="open-chat-read"),
    path("contacts", api.ContactsView.as_view(), name="contacts"),
    *(
        path(
            f"contacts/<uuid:account>/{name}", api.ContactView.as_view(verb=staticmethod(verb)), name=f"contact-{name}"
        )
        for name, verb in {
            "accept": services.accept_contact,
            "block": services.block_contact,
            "unblock": services.unblock_contact,
        }.items()
    ),
]
