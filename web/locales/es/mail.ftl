# Las cartas, para verlas.
dev-mail-title = Las cartas
dev-mail-say = Cada carta con datos inventados, como la ve quien la recibe.
dev-mail-letter = Carta
dev-mail-subject = Asunto
dev-mail-stream = Tipo
dev-mail-text = Texto
stream-transactional = Lo que pediste
stream-notifications = Avisos
stream-broadcast = Novedades
