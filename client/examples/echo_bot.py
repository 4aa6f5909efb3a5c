"""Answers everybody with their own words. Run it as: MESSENGER_HOME=~/echo python echo_bot.py"""

import asyncio

from messenger_client import Client


async def main() -> None:
    async with Client.open() as client:
        async for message in client.messages():
            await client.accept(message.sender)
            await client.send(message.sender, message.text)


if __name__ == "__main__":
    asyncio.run(main())
