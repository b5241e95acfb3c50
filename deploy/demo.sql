-- Demo accounts, one a role, applied with psql by deploy/up. Applying it again changes nothing.
-- Everybody's password is «faena-de-prueba-2026», so this file is for machines that only their owner can reach. The hashes are
-- argon2id with the cost that the pages use, each with a salt of its own; the addresses are under .example, which no mail reaches.

insert into core.users (email, full_name, role, locale, email_verified_at, password_hash) values
    ('aprendiz@faena.example', 'María del Mar Ibáñez', 'learner', 'es', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$F1r5cvnQ2gSIG0uM+0fcBQ$IzKQdkyOhCL23SJGBlMrAzp7apU71/zx08sG8Ez/w+M'),
    ('instructora@faena.example', 'Begoña Peñalver Núñez', 'instructor', 'es', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$WLqPhvK8gdvhsCUL5xW+rA$D46d0Bw+Af3eq7dMB3FtTVKshvmNeMwkxmzqneyTxWw'),
    ('agente@faena.example', 'Íñigo Zúñiga Ceballos', 'agent', 'es', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$714GWExRJz4OYNMo3Rt1qA$SQ7LSZv1j89PZ0TnqMNSUc1yyaDqmaQdJkEjbCVhaFs'),
    ('jefa@faena.example', 'Consuelo Güell Muñoz', 'manager', 'es', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$Tm69P85DrbIBEt2V5Z7RIg$qxxQ5jI0pwrG8VNMURArlRkUyCNhd6pGUXXvBZRjQbc'),
    ('cliente@faena.example', 'Óscar Yáñez Larrañaga', 'client', 'en', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$aFMUcENA50JuTA8xNi89Cg$SY3W4e2M78Wzql24XjwK314qw/GfXLefUhdJIqNncPw'),
    ('operadora@faena.example', 'Lucía Fernández Ñíguez', 'operator', 'es', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$UncuOswO5MFG3lJoPZebWA$8m/C+QLGqWELoDV1vGb3OyC7FcEi3v6r0Q57rTpxXUI'),
    ('admin@faena.example', 'Andrés Camacho Ortuño', 'admin', 'es', now(),
     '$argon2id$v=19$m=19456,t=2,p=1$mKiAIqr4AoaZPWBpBGVdCw$lr/fUG7QdwMHNfL++71gqvqA4/goBFAf3bsPa88UaYE')
on conflict (email) do nothing;
